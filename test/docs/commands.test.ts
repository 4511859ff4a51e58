import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { readCommandLine } from '../../bench/options.ts'
import { commandsOn } from '../support/command-users.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { blocksOf, codesOf, readPages, typescriptIn } from './pages.ts'
import { type Command, readCommands, readCurl } from './shell.ts'
import { keyOf } from '../support/key.ts'

// Whatever a page tells people to type is tried: calls here, against a service; programs by the tests and by .ci/run.
// A block marked `sh outside` is for other people's programs, which are not there when tests run. One marked `sh deploy`
// is run by test/deploy/pages.test.ts, with stand-ins for them, one marked `sh chronos` by test/declared/tutorial.test.ts,
// one marked `sh client` by test/client-sdk/page.test.ts.

const shownUrl = 'http://127.0.0.1:8080'
const outside = ['sudo apt-get', 'fly', 'flyctl', 'docker', 'podman', 'buildah', 'gcloud']

const pages = await readPages()
const blocks = pages.flatMap((page) => blocksOf(page).map((block) => ({ ...block, path: page.path })))
const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> }
const ciRun = await readFile('.ci/run', 'utf8')

let service: Service
let variables: Record<string, string>
before(async () => {
  service = await startService({
    clock: '2026-06-18T08:00:00Z',
    env: { ENCRYPTION_KEY: keyOf(1).toString('base64'), ...commandsOn },
  })
  const job = await service.makeJob()
  const { status, body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  assert.equal(status, 202)
  const made = await service.api('POST', '/api/keys', { name: 'a key', scopes: ['jobs:read'] })
  variables = { API_KEY: apiKey, JOB: job.id, RUN: body.run.id, KEY: made.body.key.id }
})
after(() => service.close())

const commandsOf = (language: string) =>
  blocks
    .filter((block) => block.language === language)
    .flatMap(({ path, code }) => readCommands(code, variables).map((command) => ({ path, command })))

test('every call that a page shows is answered 2xx', async () => {
  const calls = commandsOf('sh').filter(({ command }) => command.program === 'curl')
  assert.ok(calls.length > 5, 'calls are found at all')
  for (const { path, command } of calls) {
    const { url, method, headers, body } = readCurl(command.words)
    assert.ok(url.startsWith(`${shownUrl}/`), `${path}: ${url} is called; pages call ${shownUrl}`)
    const sent = { method, headers, ...(body === undefined ? {} : { body }) }
    const answer = await fetch(service.url + url.slice(shownUrl.length), sent)
    const text = await answer.text()
    assert.ok(answer.ok, `${path}: ${method} ${url} was answered ${answer.status} ${text}`)
  }
})

test('every statement that a page shows can be run', async () => {
  const found = blocks.filter(({ language }) => language === 'sql')
  assert.ok(found.length > 0, 'statements are found at all')
  for (const { path, code } of found) {
    for (const statement of code.split(';').filter((text) => text.trim() !== ''))
      await assert.doesNotReject(service.database.sql.unsafe(statement), `${path}: ${statement}`)
  }
})

/** What no other machine can judge: `bench` says how quick the one is that it runs on, and rewrites its page. */
const measured = new Set(['bench'])

/** Null: these benchmarks are there, and the options are theirs. */
function benchmarkTrouble(args: string[]): string | null {
  try {
    readCommandLine(args.filter((word) => word !== 'run' && word !== 'bench'))
    return null
  } catch (error) {
    return `is refused: ${(error as Error).message}`
  }
}

test('every program that a page tells to run is there, and run by a test or by .ci/run', async () => {
  const paths = await typescriptIn(['test'])
  const ownPath = 'test/docs/'
  const sources = await Promise.all(
    paths.filter((path) => !path.startsWith(ownPath)).map((path) => readFile(path, 'utf8')),
  )
  const isRun = (program: string) => sources.some((source) => source.includes(program))
  const trouble = ({ program, words }: Command): string | null => {
    if (program === 'node')
      return existsSync(words[0] ?? '') && isRun(words[0] ?? '') ? null : 'is not run by a test'
    if (program !== 'npm') return 'is neither curl nor npm nor node; mark the block `sh outside`'
    const script = (words[0] === 'run' ? words[1] : words[0]) ?? ''
    const command = scripts[script]
    if (command === undefined) return 'is no script of package.json'
    if (measured.has(script)) return benchmarkTrouble(words.slice(words.indexOf('--') + 1))
    const isInCi = new RegExp(`npm (run )?(--silent )?${script}\\b`).test(ciRun)
    return isInCi || isRun(command.split(' ').at(-1) ?? '') ? null : 'is run by no test, and not by .ci/run'
  }
  const told = pages.flatMap((page) =>
    codesOf(page)
      .filter((code) => /^npm (start|test|run)\b/.test(code))
      .flatMap((code) => readCommands(code, {}).map((command) => ({ path: page.path, command }))),
  )
  const shown = commandsOf('sh').filter(({ command }) => command.program !== 'curl')
  assert.ok(shown.length >= 2, 'npm start and npm test are shown')
  const wrong = [...told, ...shown].flatMap(({ path, command }) => {
    const why = trouble(command)
    return why === null ? [] : [`${path}: ${command.program} ${command.words.join(' ')} ${why}`]
  })
  assert.deepEqual(wrong, [])
})

test('a block for outside has programs of other people only', () => {
  const known = new RegExp(`^(${outside.join('|')}) `)
  const lines = blocks
    .filter(({ language }) => language === 'sh outside')
    .flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'))
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  assert.deepEqual(
    lines.filter((line) => !known.test(line)),
    [],
  )
})

test('every block of commands has a language that is tried here', () => {
  const shells = blocks.filter(({ language }) => /^(bash|shell|console|zsh|sh .*)$/.test(language))
  assert.deepEqual(
    shells.filter(
      ({ language }) => !['sh outside', 'sh deploy', 'sh chronos', 'sh client'].includes(language),
    ),
    [],
  )
})
