import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { blocksOf, readPage } from '../docs/pages.ts'
import { commandsOn } from '../support/command-users.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
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
