import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../../src/actions/command/run.ts'
import { attemptOf } from './attempt.ts'
import { assertCost } from '../support/limits.ts'

const { PATH = '' } = process.env
const noLimits = { users: null, memoryMb: 0, processorS: 0, processes: 0, folderMb: 0 }
const settings = { env: { PATH, LANG: 'C.UTF-8' }, ...noLimits }

async function costOf(script: string) {
  const secrets = { TOKEN: 'a-secret-of-some-length', OTHER: 'another secret, with blanks' }
  const fields = { args: ['-c', script], env: { A: '{{secrets.TOKEN}}', B: '{{secrets.OTHER}}' } }
  const { job, run, context } = attemptOf({
    action: { type: 'command', command: 'sh', ...fields },
    ...{ run: {}, secrets },
  })
  const usage = process.cpuUsage()
  const outcome = await runCommand(job, run, new AbortController().signal, context, settings)
  const { user, system } = process.cpuUsage(usage)
  return { outcome, cpuMs: (user + system) / 1_000 }
}

test('a program that writes a byte at a time costs this process what its bytes cost', async () => {
  await costOf('echo warm')
  for (const script of [
    'dd if=/dev/zero bs=1 count=200000 status=none',
    'dd if=/dev/zero bs=1 count=200000 status=none >&2',
    'yes | dd bs=1 count=200000 status=none',
  ]) {
    const { outcome, cpuMs } = await costOf(script)
    assert.equal(outcome.state, 'succeeded')
    assertCost(cpuMs, 1_200, script)
  }
})
