import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { build, type Metafile } from 'esbuild'
import {
  bundle,
  bundleCommand,
  oneFile,
  relayEntryPoints,
  serviceEntryPoints,
} from '../../dev/build/bundle.ts'
import { buildWeb } from '../../dev/build/web.ts'

// An image is built from what its Dockerfile copies, and of that only from what .dockerignore lets through. What the
// build needs is not listed here: it is what its programs import, and what they bundle.

let outdir: string
let letThrough: string[]
before(async () => {
  outdir = await mkdtemp(join(tmpdir(), 'chronos-dockerfile-'))
  const ignored = await readFile('.dockerignore', 'utf8')
  letThrough = [...ignored.matchAll(/^!(.+)$/gm)].map(([, path = '']) => path)
})
after(() => rm(outdir, { recursive: true }))

/** What a build program bundles, beside what it imports itself. */
const bundled: Record<string, () => Promise<string[]>> = {
  'dev/build/main.ts': async () => {
    const service = await bundle(serviceEntryPoints, outdir)
    const command = await bundleCommand(join(outdir, 'chronos.mjs'))
    const page = await buildWeb(join(outdir, 'web'))
    const files = [service, command, page].flatMap(({ inputs }) => Object.keys(inputs))
    // what compiles the page reads them as well, one by way of the other
    return [...files, 'web/tsconfig.json', 'tsconfig.json']
  },
  'dev/build/relay.ts': async () =>
    inputsOf(await build({ ...oneFile, entryPoints: relayEntryPoints, outdir, write: false })),
}
const inputsOf = ({ metafile }: { metafile: Metafile }) => Object.keys(metafile.inputs)

/** A step of a build that needs a file of this project, and what was copied by then. */
type Need = { file: string; program: string; copied: string[] }

async function needsOf(dockerfile: string): Promise<Need[]> {
  const needs: Need[] = []
  for (const steps of stagesOf(dockerfile)) {
    const copied: string[] = []
    for (const { word, words } of steps) {
      if (word === 'COPY') copied.push(...words.slice(0, -1))
      else
        for (const program of words.filter(isOurs))
          for (const file of await filesOf(program)) needs.push({ file, program, copied: [...copied] })
    }
  }
  return needs
}

/** The steps of each stage that take something from this folder, or run something. */
function stagesOf(dockerfile: string) {
  const whole = dockerfile.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n/g, ' ')
  return whole.split(/^FROM /m).map((stage) =>
    stage
      .split('\n')
      .map((line) => line.split(/[\s;&|]+/))
      .map(([word = '', ...words]) => ({ word, words }))
      .filter(({ word, words }) => word === 'RUN' || (word === 'COPY' && !words[0]?.startsWith('--from'))),
  )
}

/** A file of this project, apart from what a build has made. */
const isOurs = (path: string) => !/^(\/|dist\/)/.test(path) && isFile(path)
const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false

/** A file that a step names, and all that it imports; of a build program also what that bundles. */
async function filesOf(program: string): Promise<string[]> {
  if (!/\.[mc]?[jt]s$/.test(program)) return [program]
  const { metafile } = await build({
    ...{ entryPoints: [program], bundle: true, platform: 'node', packages: 'external' },
    ...{ format: 'esm', metafile: true, write: false, outdir },
  })
  assert.ok(program in bundled || !program.startsWith('dev/build/'), `it is known what ${program} bundles`)
  const inputs = [...inputsOf({ metafile }), ...((await bundled[program]?.()) ?? [])]
  return inputs.filter((path) => isFile(path) && !path.includes('node_modules/'))
}

const isIn = (file: string, folders: string[]) =>
  folders.some((folder) => !relative(folder, file).startsWith('..'))
const missingOf = (needs: Need[]) =>
  needs.flatMap(({ file, program, copied }) =>
    isIn(file, copied) && isIn(file, letThrough) ? [] : [`${program} needs ${file}`],
  )

for (const [path, entry] of [
  ['Dockerfile', 'src/server.ts'],
  ['relay/node/Dockerfile', 'relay/node/main.ts'],
] as const)
  test(`${path} copies all that its programs import and bundle, before it runs them`, async () => {
    const needs = await needsOf(await readFile(path, 'utf8'))
    assert.deepEqual(missingOf(needs), [])
    const files = needs.map(({ file }) => file)
    for (const one of [entry, 'dev/build/bundle.ts', 'db/migrations.ts', 'dev/check/versions.ts'])
      assert.ok(files.includes(one), `${one} is found to be needed`)

    // each copy that something is taken from is missed
    const copies = new Set(needs.flatMap(({ copied }) => copied))
    for (const copy of copies) {
      assert.ok(existsSync(copy), copy)
      const without = needs.map((need) => ({ ...need, copied: need.copied.filter((one) => one !== copy) }))
      if (files.some((file) => isIn(file, [copy]))) assert.notDeepEqual(missingOf(without), [], copy)
    }
  })
