import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { serviceEntryPoints } from '../../dev/build/bundle.ts'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { readConfig } from '../../src/ground/config.ts'
import { placesOf } from '../../src/ground/config-places.ts'
import { keyOf } from '../support/key.ts'

/** What Fly is told, against what the process and its image are. */
type FlyToml = {
  kill_signal: string
  kill_timeout: number
  build: { dockerfile: string }
  deploy: { release_command: string }
  env: Record<string, string>
  http_service: {
    internal_port: number
    auto_start_machines: boolean
    auto_stop_machines: string
    min_machines_running: number
    concurrency: { type: string; soft_limit: number; hard_limit: number }
  }
  restart: { policy: string }[]
  metrics: { port: number }
  vm: { memory: string }[]
}
const fly = parse(await readFile('fly.toml', 'utf8')) as FlyToml
const dockerfile = await readFile(fly.build.dockerfile, 'utf8')
const serviceSource = await readFile('src/ground/config.ts', 'utf8')

test('a request starts a machine, nothing of Fly’s stops one, and none is kept up', () => {
  const { auto_start_machines, auto_stop_machines, min_machines_running } = fly.http_service
  assert.deepEqual(
    { auto_start_machines, auto_stop_machines, min_machines_running },
    { auto_start_machines: true, auto_stop_machines: 'off', min_machines_running: 0 },
  )
})

test('an exit that failed is started again, and one that was meant is not', () => {
  assert.deepEqual(
    fly.restart.map(({ policy }) => policy),
    ['on-failure'],
  )
})

test('the signal is one that the process handles, and there is time to write down what it was doing', () => {
  const { drainTimeoutMs, drainFinishMs } = readConfig(withSecrets(fly.env))
  assert.ok(['SIGINT', 'SIGTERM'].includes(fly.kill_signal))
  assert.ok(fly.kill_timeout <= 300, 'the most that Fly gives')
  assert.ok(drainTimeoutMs < fly.kill_timeout * 1000)
  assert.ok(drainFinishMs < drainTimeoutMs)
})

test('every variable is one that the service reads, and can use', () => {
  const unknown = Object.keys(fly.env).filter((name) => !serviceSource.includes(`'${name}'`))
  assert.deepEqual(unknown, [])
  assert.doesNotThrow(() => readConfig(withSecrets(fly.env)))
})

test('it goes down by itself, and not before whoever woke it is heard', () => {
  const { idleExitMs, bootGraceMs, maxUptimeMs, provider } = readConfig(withSecrets(fly.env))
  assert.ok(idleExitMs > 0, 'a machine that never leaves')
  // the proxy dials a starting machine for about 8 s
  assert.ok(bootGraceMs >= 8_000)
  assert.ok(maxUptimeMs > idleExitMs)
  assert.equal(provider, 'chronos')
})

test('the ports are those that the process listens on', () => {
  const { port, metricsPort, host } = readConfig(withSecrets(fly.env))
  assert.equal(fly.http_service.internal_port, port)
  assert.equal(fly.metrics.port, metricsPort)
  assert.equal(host, '0.0.0.0')
  assert.match(dockerfile, new RegExp(`^EXPOSE ${port}$`, 'm'))
})

test('the release command is a program and a file that the build puts into the image', async () => {
  const [program = '', file = '', ...more] = fly.deploy.release_command.split(' ')
  assert.deepEqual(more, [])
  const [, command = '[]'] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? []
  assert.equal(program, (JSON.parse(command) as string[])[0], 'there is no shell to look for it')
  const name = file.replace(/^\/app\/(.+)\.js$/, '$1')
  assert.match(dockerfile, new RegExp(`cp [^&]*\\bdist/${name}\\.js [^&]*/app/`))
  assert.ok(serviceEntryPoints.includes(`src/${name}.ts`))
})

test('a second machine is started long before the first one has no place left', () => {
  const { type, soft_limit, hard_limit } = fly.http_service.concurrency
  assert.equal(type, 'requests')
  assert.ok(soft_limit < hard_limit)
  // a part of the 256 MB is the kernel's
  assert.ok(soft_limit < placesOf(readConfig({}), 200 * 1024 ** 2) / 2)
})

test('what the machine has of memory is what the image is set for', () => {
  const [, heapMb] = /--max-old-space-size=(\d+)/.exec(dockerfile) ?? []
  assert.deepEqual(
    fly.vm.map(({ memory }) => memory),
    ['256mb'],
  )
  assert.ok(Number(heapMb) < 256 / 2)
})

/** As they are after `fly secrets set` (docs/deploy.md). */
function withSecrets(env: Record<string, string>) {
  return {
    ...env,
    DATABASE_URL: 'postgres://user:password@host/database',
    API_KEY: 'a-key-of-sixteen-characters',
    ENCRYPTION_KEY: keyOf(0).toString('base64'),
  }
}
