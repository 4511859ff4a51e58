import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import lockfile from '../../package-lock.json' with { type: 'json' }
import { bundle } from '../../dev/build/bundle.ts'
import { packageFolderOf, sbomOf } from '../../dev/build/sbom.ts'
import { type AdvisoryList, judge, readAudit, warningOf } from '../../dev/check/advisories.ts'

type Bom = {
  bomFormat: string
  specVersion: string
  serialNumber?: string
  metadata: { timestamp?: string }
  components: { name: string; version: string; purl: string; hashes?: object[]; licenses?: object[] }[]
  dependencies: { ref: string; dependsOn?: string[] }[]
}

test('the bill of materials has every package of the bundle, as it is locked, and nothing that changes from build to build', async (t) => {
  const files = await bundledFiles(t)
  const text = sbomOf(files, lockfile, 'v26.1.2')
  assert.equal(sbomOf(files.toReversed(), lockfile, 'v26.1.2'), text)
  const bom = JSON.parse(text) as Bom
  assert.deepEqual(
    [bom.bomFormat, bom.specVersion, bom.serialNumber, bom.metadata.timestamp],
    ['CycloneDX', '1.6', undefined, undefined],
  )
  const folders = new Set(files.map(packageFolderOf).filter((folder) => folder !== null))
  assert.ok(folders.size > 40)
  const packages: Record<string, { version?: string }> = lockfile.packages
  for (const folder of folders) {
    const name = folder.split('node_modules/').at(-1)
    const found = bom.components.find((one) => one.name === name && one.version === packages[folder]?.version)
    assert.ok(found, folder)
    assert.equal(found.purl, `pkg:npm/${name?.replace('@', '%40')}@${found.version}`)
    assert.ok(found.hashes?.length === 1 && found.licenses?.length === 1, folder)
  }
  assert.ok(bom.components.some(({ purl }) => purl === 'pkg:generic/node@26.1.2'))
  assert.equal(
    bom.dependencies.find(({ ref }) => ref.startsWith('chronos@'))?.dependsOn?.length,
    bom.components.length,
  )
})

test('a package that is in the bundle and not in the lockfile fails the build', () => {
  const packages = { 'node_modules/known': { version: '1.0.0' } }
  const lock = { name: 'a', version: '1.0.0', packages }
  assert.throws(
    () => sbomOf(['node_modules/unknown/index.js'], lock, 'v26.0.0'),
    /node_modules\/unknown is in the bundle and not in package-lock\.json/,
  )
})

test('the Dockerfile puts the bill of materials into the image, runs no install scripts, and takes a base by its digest', async () => {
  const text = await readFile('Dockerfile', 'utf8')
  assert.match(text, /dist\/sbom\.cdx\.json dist\/web \/app\//)
  assert.match(text, /npm install .*--ignore-scripts/)
  assert.match(text, /^ARG BASE=\S+\nFROM \$\{BASE\} AS build$/m)
})

const advisory = {
  ...{ package: 'a', range: '>=1.0.0 <1.2.3', severity: 'high', title: 'It leaks' },
  ...{ url: 'https://advisories.example/1', accepted: null },
}
const listOf = (more: object = {}): AdvisoryList => ({
  asOf: '2026-11-27',
  advisories: [{ ...advisory, ...more }],
})
const lockOf = (path: string, version: string) => ({
  packages: { '': { version: '1.1.0' }, [path]: { version } },
})

test('a locked version that an advisory names is found, wherever it stands; one that was accepted does not count', () => {
  const { wrong } = judge(listOf(), lockOf('node_modules/b/node_modules/a', '1.2.2'))
  assert.deepEqual(wrong, ['a 1.2.2: high, It leaks (>=1.0.0 <1.2.3; https://advisories.example/1)'])
  assert.deepEqual(judge(listOf(), lockOf('node_modules/a', '1.2.3')).wrong, [])
  assert.deepEqual(judge(listOf(), lockOf('node_modules/aa', '1.2.2')).wrong, [])
  const scoped = judge(listOf({ package: '@x/a' }), lockOf('node_modules/@x/a', '1.0.0'))
  assert.equal(scoped.wrong.length, 1)
  const accepted = judge(listOf({ accepted: 'not reached' }), lockOf('node_modules/a', '1.2.2'))
  assert.deepEqual([accepted.wrong.length, accepted.accepted.length], [0, 1])
})

test('an old list, and one that was never made, are warned of and fail nothing', () => {
  assert.equal(warningOf(listOf(), new Date('2026-12-20')), null)
  assert.match(warningOf(listOf(), new Date('2027-01-20')) ?? '', /54 days old; .*npm run advisories/)
  assert.match(warningOf({ asOf: null, advisories: [] }, new Date()) ?? '', /says nothing/)
})

test('a list is made of what npm audit reports, and what was accepted stays accepted', () => {
  const via = { name: 'a', range: '>=1.0.0 <1.2.3', severity: 'high', title: 'It leaks', url: advisory.url }
  const report = { vulnerabilities: { a: { via: [via] }, b: { via: ['a'] }, c: { via: [via] } } }
  const before = listOf({ accepted: 'not reached' })
  assert.deepEqual(readAudit(JSON.stringify(report), before), before.advisories)
  assert.deepEqual(readAudit('{"vulnerabilities":{}}', before), [])
  for (const text of ['', 'npm error', '{"statusCode":405}']) assert.equal(readAudit(text, before), null)
})

test('packages with install scripts are those that are listed; another one stops the install before npm is called', async (t) => {
  const strange = await runnerWith(t, { 'node_modules/evil': { version: '1.0.0', hasInstallScript: true } })
  assert.equal(strange.status, 1)
  assert.match(
    strange.stderr,
    /run programs of their own .* not in dev\/check\/install-scripts\.json: evil\. Nothing was installed/,
  )
  assert.doesNotMatch(strange.stderr, /Installing packages/)
  const packages: Record<string, { version?: string; hasInstallScript?: boolean }> = lockfile.packages
  const ours = await runnerWith(
    t,
    Object.fromEntries(Object.entries(packages).filter(([, one]) => one.hasInstallScript)),
  )
  assert.match(ours.stderr, /Installing packages/)
})

/** `dev/run.mjs` in a folder of its own, with this lockfile, and an npm that installs nothing. */
async function runnerWith(t: TestContext, packages: object) {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-supply-'))
  t.after(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'dev/check'), { recursive: true })
  await cp('dev/run.mjs', join(folder, 'dev/run.mjs'))
  await cp('dev/check/install-scripts.json', join(folder, 'dev/check/install-scripts.json'))
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ packages }))
  await writeFile(join(folder, 'npm'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  return spawnSync(process.execPath, ['dev/run.mjs', 'x.ts'], { cwd: folder, env, encoding: 'utf8' })
}

async function bundledFiles(t: TestContext): Promise<string[]> {
  const out = await mkdtemp(join(tmpdir(), 'chronos-build-'))
  t.after(() => rm(out, { recursive: true }))
  return Object.keys((await bundle(['src/server.ts', 'src/migrate.ts'], out)).inputs)
}
