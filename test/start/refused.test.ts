import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { copyProject, occupy, processesOf } from './setup.ts'

const project = await copyProject({ asStranger: true })
after(project.remove)

test('a port that was asked for and is taken: one sentence, and nothing is started', async (t) => {
  const other = await occupy()
  t.after(other.free)
  const started = project.start({ PORT: String(other.port) })
  assert.equal(await started.ended, 1)
  assert.deepEqual(started.lines, [
    `Port ${other.port} on 127.0.0.1 is taken by another program; set PORT to a free one, or unset it.`,
  ])
})

test('a PORT that is no port: one sentence', async () => {
  const started = project.start({ PORT: 'http' })
  assert.equal(await started.ended, 1)
  assert.deepEqual(started.lines, ['PORT must be a number from 0 to 65535, not "http".'])
})

test('a HOST that is not of this machine: one sentence', async () => {
  // RFC 5737: an address for documentation, which no one has.
  const started = project.start({ HOST: '203.0.113.77' })
  assert.equal(await started.ended, 1)
  assert.deepEqual(started.lines, [
    'Cannot listen on 203.0.113.77 port 8080 (EADDRNOTAVAIL). Set HOST and PORT.',
  ])
})

test('an environment that the service refuses stops the start, and nothing is left', async () => {
  const started = project.start({ LOG_LEVEL: 'loud' })
  assert.equal(await started.ended, 1)
  await started.waitForLine(/LOG_LEVEL must be one of .*, not "loud"/)
  await started.waitForLine(/^The service ended with exit status 78/)
  assert.deepEqual(await processesOf(project.folder), [])
})

test('somebody who is not root, with the usual port taken, gets the next one, and Ctrl-C leaves nothing', async (t) => {
  // Taken by us, or by someone else already.
  const usual = await occupy(8080).catch(() => null)
  t.after(() => usual?.free())
  const started = project.start()
  const { baseUrl } = await started.ready()
  assert.notEqual(new URL(baseUrl).port, '8080')
  await started.waitForLine(new RegExp(`port 8080 is taken, so the service gets ${new URL(baseUrl).port}`))
  assert.equal((await fetch(`${baseUrl}/readyz`)).status, 200)
  assert.equal(await started.interrupt(), 0)
  assert.deepEqual(await processesOf(project.folder), [])
})

test('a folder that cannot be written: one sentence', async (t) => {
  const bare = await copyProject({ asStranger: true })
  t.after(bare.remove)
  await bare.forbidWriting()
  const started = bare.start()
  assert.equal(await started.ended, 1)
  assert.equal(started.lines.length, 1)
  assert.match(
    started.text(),
    /\.chronos cannot be written by user \d+: EACCES\. Expected a folder of this user's own/,
  )
})
