import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { askedTimer } from '../../dev/start/timer.ts'
import { copyProject, occupy } from './setup.ts'

test('the timer is the local NAS unless the relay is asked for; another one is refused', () => {
  assert.equal(askedTimer([]), 'nas')
  assert.equal(askedTimer(['--timer', 'relay']), 'relay')
  for (const args of [['--timer', 'sundial'], ['--clock'], ['relay']])
    assert.throws(() => askedTimer(args), /The only option is --timer nas or --timer relay/)
})

test('with --timer relay the relay wakes the service, after a restart of everything too', async (t) => {
  const project = await copyProject()
  t.after(project.remove)
  const free = await occupy()
  await free.free()
  const env = { PORT: String(free.port) }

  const first = project.start(env, ['--timer', 'relay'])
  t.after(() => first.kill('SIGKILL'))
  const { command } = await first.ready()
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} -s`])
  const { id } = (JSON.parse(stdout) as { job: { id: string } }).job
  await first.waitForLine(new RegExp(`relay +armed agent=local job=${id} `))
  await first.waitForLine(new RegExp(`relay +fired agent=local job=${id} .*status=202`))
  assert.equal(await first.interrupt(), 0)
  const relayFile = join(project.folder, '.chronos', 'relay.db')
  assert.equal((await stat(relayFile)).mode & 0o777, 0o600)
  assert.ok((await readFile(relayFile)).length > 0)

  const second = project.start(env, ['--timer', 'relay'])
  t.after(() => second.kill('SIGKILL'))
  await second.ready()
  await second.waitForLine(new RegExp(`relay +fired agent=local job=${id} .*status=202`))
  assert.equal(await second.interrupt(), 0)
})
