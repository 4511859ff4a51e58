import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

test('without promtool the check by a real Prometheus says so, and does not look as if it had passed', () => {
  const { status, stderr } = spawnSync(process.execPath, ['dev/monitoring/main.ts'], {
    encoding: 'utf8',
    env: { PATH: '/nowhere' },
  })
  assert.equal(status, 2, stderr)
  assert.match(stderr, /promtool is not on the PATH: nothing was checked/)
})
