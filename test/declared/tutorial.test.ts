import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { parse } from 'yaml'
import { blocksOf, readPage } from '../docs/pages.ts'
import { commandsOn } from '../support/command-users.ts'
import { apiKey, type Json, type Service, startService } from '../support/service.ts'
import { chronosIn } from './terminal.ts'

const page = readPage('docs/tutorial.md')
let service: Service
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-tutorial-'))
  service = await startService({ env: commandsOn })
})
after(async () => {
  await service.close()
  await rm(folder, { recursive: true })
})

test('the tutorial does what it says, line by line', async () => {
  const blocks = blocksOf(page)
  const crontab = blocks.find(({ language }) => language === 'crontab')?.code ?? ''
  const local = (text: string) =>
    text
      .replaceAll('http://127.0.0.1:8080', service.url)
      .replaceAll('http://127.0.0.1:8789', service.target.url)
  await writeFile(join(folder, 'crontab.txt'), local(crontab))
  const chronos = chronosIn(folder)
  const told = new Map<string, string>()
  const lines = blocks
    .filter(({ language }) => language === 'sh chronos')
    .flatMap(({ code }) => code.trim().split('\n'))
  assert.ok(lines.length > 10, 'commands are found at all')
  for (const line of lines) {
    const [command = '', comment = ''] = line.split(/ {2}# /)
    const [, code = '0'] = /^exit code (\d)$/.exec(comment) ?? []
    const done = await chronos(local(command), { input: apiKey })
    assert.equal(done.code, Number(code), `${line}\n${done.out}${done.err}`)
    told.set(command, done.out + done.err)
  }
  const said = (command: string) => told.get(command) ?? assert.fail(`${command} is not on the page`)
  assert.match(said('chronos apply --yes'), /8 made, 0 changed/)
  assert.match(said('chronos run backup --follow'), /saved on \d{4}-\d\d-\d\d/)
  assert.match(said('chronos why sync'), /Started by hand .*: failed/)
  assert.match(said('chronos plan exported.yaml --prune --exit-code'), /Nothing to do/)
  assert.deepEqual(
    service.target.calls.map(({ method, path }) => `${method} ${path}`),
    ['GET /ping'],
  )
})

test('an agent does the same with the eight lines: makes, runs, one fails, and it is told why', async () => {
  const { jobs } = parse(await readFile(join(folder, 'chronos.yaml'), 'utf8')) as {
    jobs: Record<string, Json>
  }
  const client = new Client({ name: 'tutorial', version: '1' })
  const requestInit = { headers: { authorization: `Bearer ${apiKey}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit }))
  const say = async (name: string, given: Record<string, unknown>): Promise<string> => {
    const { isError, content } = (await client.callTool({ name, arguments: given })) as Json
    assert.notEqual(isError, true, `${name}: ${JSON.stringify(content)}`)
    return content[0].text
  }
  const ask = async (name: string, given: Record<string, unknown>): Promise<Json> =>
    JSON.parse(await say(name, given))

  const entries = Object.entries(jobs)
  assert.equal(entries.length, 8)
  for (const [key, job] of entries) {
    const wish = { name: key, ...job, key: `agent-${key}`, tags: ['by-agent'] }
    assert.equal((await ask('create_job', { ...wish, validate_only: true }))['valid'], true)
    assert.equal((await ask('create_job', wish))['state'], 'scheduled')
  }
  assert.equal((await ask('find_jobs', { tag: 'by-agent' }))['jobs'].length, 8)

  const backup = await ask('run_job', { job: 'agent-backup', wait_s: 60 })
  assert.equal(backup['state'], 'succeeded', JSON.stringify(backup))
  assert.match(await say('read_log', { run: backup['id'] }), /saved on \d{4}-\d\d-\d\d/)
  assert.equal((await ask('run_job', { job: 'agent-ping', wait_s: 60 }))['state'], 'succeeded')
  const sync = await ask('run_job', { job: 'agent-sync', wait_s: 60 })
  assert.equal(sync['state'], 'failed')

  const { runs } = await ask('find_runs', { job: 'agent-sync', status: 'failed' })
  assert.deepEqual(
    (runs as Json[]).map(({ id }) => id),
    [sync['id']],
  )
  assert.match(await say('explain_job', { job: 'agent-sync' }), /Started by hand .*: failed/)
  await ask('pause_job', { job: 'agent-sync', reason: 'the program is not there yet' })
  assert.match(await say('explain_job', { job: 'agent-sync' }), /paused .*the program is not there yet/)
  await client.close()
})
