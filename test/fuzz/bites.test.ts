import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { type Case, replay } from '../../dev/fuzz/fuzz.ts'
import type { Group } from '../../dev/fuzz/group.ts'
import { imageSettings } from '../../dev/fuzz/image.ts'
import { openSetting } from '../../dev/fuzz/world.ts'
import { type Build, sharedBuild } from '../support/build.ts'
import { sharedTestCluster } from '../support/cluster.ts'
import { all, faults, plant } from './faults.ts'

let folder: string
let good: Build
let database: string
let opened: Awaited<ReturnType<typeof openSetting>>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-fuzz-bites-'))
  good = await sharedBuild()
  database = await sharedTestCluster()
  const image = imageSettings(await readFile('Dockerfile', 'utf8'), await readFile('fly.toml', 'utf8'))
  opened = await openSetting({ database, dist: good.folder, image })
})
after(async () => {
  await opened.close()
  await good.remove()
  await rm(folder, { recursive: true })
})

describe('one group', { concurrency: 3 }, () => {
  test('without a fault nothing is found', async () => {
    const outcome = await replayOn(good.folder, all)
    assert.deepEqual(outcome.findings, [])
    // both of the group; on a slow machine the job that fires every 5 s adds its own
    assert.ok(outcome.totals.attempts >= 2, `${outcome.totals.attempts} attempts`)
  })

  for (const [n, fault] of faults.entries()) {
    test(`the fuzz program notices ${fault.wrong}`, async () => {
      const dist = await copied(`fault-${n}`)
      await plant(dist, fault)
      const { findings } = await replayOn(dist, fault.group)
      assert.ok(
        findings.some(({ what }) => what === fault.what),
        JSON.stringify(findings),
      )
    })
  }
})

// far below its limit on a machine that has time; what it does is bounded in seconds, and each service has to boot
test('a finding is made smaller and saved, and its case repeats it', { timeout: 240_000 }, async () => {
  const dist = await copied('program')
  await plant(dist, faults[0]!)
  const ours = ['--dist', dist, '--save', folder, '--database', database]
  const found = await program(['--seed', '3', '--seconds', '60', '--shrink-seconds', '60', ...ours])
  assert.equal(found.code, 1, found.said)
  assert.match(found.said, /✖ answer: GET \/v1\/health was answered 500 INTERNAL/)
  const file = join(folder, '3.json')
  assert.ok(found.said.includes(`--replay ${file}`))
  const { group } = JSON.parse(await readFile(file, 'utf8')) as Case
  const sizes = [...found.said.matchAll(/shown by (\d+) requests and (\d+) jobs/g)].map(
    ([, calls, outings]) => ({
      calls: Number(calls),
      outings: Number(outings),
    }),
  )
  const [asFound, smallest] = [sizes[0], sizes.at(-1)]
  assert.ok(asFound && smallest && asFound.calls > 1, found.said)
  assert.ok(smallest.calls < asFound.calls, found.said)
  assert.deepEqual({ calls: group.calls.length, outings: group.outings.length }, smallest)
  assert.ok(group.calls.some(({ key }) => key === 'GET /v1/health'))
  const again = await replayOn(dist, group)
  assert.ok(again.findings.some(({ what }) => what === 'answer'))
})

async function copied(name: string): Promise<string> {
  const dist = join(folder, name)
  await mkdir(dist)
  for (const file of ['server.js', 'migrate.js']) await copyFile(join(good.folder, file), join(dist, file))
  return dist
}

function replayOn(dist: string, group: Group) {
  return replay({ ...opened.setting, dist }, { seed: 1, findings: [], group }, 1)
}

async function program(args: string[]): Promise<{ code: unknown; said: string }> {
  const child = spawn(process.execPath, ['dev/fuzz/main.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number | null]
  return { code, said: out + errors }
}
