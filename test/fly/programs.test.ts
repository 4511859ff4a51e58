import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

async function run(program: string, env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const output of [child.stdout, child.stderr])
    output.on('data', (piece: Buffer) => (text += piece.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, text }
}

test('npm run demo tells the story in its order, to the bill', async () => {
  const { code, text } = await run('dev/demo/main.ts')
  assert.equal(code, 0, text)
  const story = [
    ...['calls for the mail', 'the mail: succeeded', 'calls for the report', 'calls for the backup'],
    ...[
      'SIGKILL by the kernel',
      'calls for the import',
      'runs the import, attempt 2',
      'the import: succeeded',
    ],
    ...['nothing to do, so it goes down by itself', 'The bill'],
  ]
  let at = 0
  for (const part of story) {
    at = text.indexOf(part, at)
    assert.ok(at >= 0, `"${part}" is not where it belongs in:\n${text}`)
  }
})

test('npm run image says what it needs where it is not there', async () => {
  const { code, text } = await run('dev/image/main.ts', { PATH: '/nowhere' })
  assert.equal(code, 1)
  assert.match(text, /buildah was not found\. Install it/)
})
