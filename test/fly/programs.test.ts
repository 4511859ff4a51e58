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
    ...['runs the mail', 'the mail: succeeded', 'runs the report', 'runs the backup'],
    ...['SIGKILL by the kernel', 'runs the import, attempt 2', 'the import: succeeded'],
    ...['nothing to do, so it goes down by itself', 'The bill'],
  ]
  let at = 0
  for (const part of story) {
    at = text.indexOf(part, at)
    assert.ok(at >= 0, `"${part}" is not where it belongs in:\n${text}`)
  }
  // a run may end before its fire is answered, or after that
  for (const job of ['the mail', 'the report', 'the backup', 'the import'])
    assert.ok(
      text.includes(`relay    has called for ${job}`),
      `the relay has not called for ${job}:\n${text}`,
    )
})

test('npm run image says what it needs where it is not there', async () => {
  const { code, text } = await run('dev/image/main.ts', { PATH: '/nowhere' })
  assert.equal(code, 1)
  assert.match(text, /buildah was not found\. Install it/)
})
