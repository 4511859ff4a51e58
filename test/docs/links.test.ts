import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { test } from 'node:test'
import { anchorsOf, codesOf, readPage, readPages, typescriptIn } from './pages.ts'

const pages = await readPages()

test('every link of a page leads to a file, and to a heading that is there', () => {
  const links = pages.flatMap(({ path, prose }) =>
    [...prose.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => ({ path, link })),
  )
  const isBroken = ({ path, link }: { path: string; link: string }) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : posix.join(posix.dirname(path), file)
    if (!existsSync(target)) return true
    return anchor !== undefined && !anchorsOf(readPage(target)).includes(anchor)
  }
  assert.ok(links.length > 20, 'links are found at all')
  assert.deepEqual(links.filter(isBroken), [])
})

test('the index lists every page of docs, and that of decisions every decision', () => {
  for (const folder of ['docs', 'docs/decisions']) {
    const index = readPage(`${folder}/README.md`)
    const siblings = pages.filter(({ path }) => posix.dirname(path) === folder && path !== index.path)
    const unlisted = siblings.filter(({ path }) => !index.text.includes(`](${posix.basename(path)})`))
    assert.deepEqual(
      unlisted.map(({ path }) => path),
      [],
    )
  }
})

test('every file and folder that a page names is there', () => {
  const named = pages.flatMap((page) => codesOf(page).map((code) => ({ path: page.path, code })))
  const files = named.filter(({ code }) => /^(src|routes|db|dev|test|docs|bench)\/[\w./-]*$/.test(code))
  assert.ok(files.length > 20, 'names of files are found at all')
  assert.deepEqual(
    files.filter(({ code }) => !existsSync(code)),
    [],
  )
})

test('every column that a page names is one of the database', async () => {
  const tables = (await readFile('db/schema.sql', 'utf8')).matchAll(/^create table (\w+) \(\n([^]*?)\n\);/gm)
  const columns = new Map(
    [...tables].map(([, table = '', members = '']) => [
      table,
      [...members.matchAll(/^ {2}(?!constraint )(\w+) /gm)].map(([, column]) => column),
    ]),
  )
  assert.ok(columns.get('runs')?.includes('fence'), 'columns are found at all')
  const wrong = pages.flatMap((page) =>
    codesOf(page).filter((code) => {
      const [, table = '', column = ''] = /^(\w+)\.(\w+)$/.exec(code) ?? []
      return columns.has(table) && !columns.get(table)?.includes(column)
    }),
  )
  assert.deepEqual(wrong, [])
})

test('every code in capitals that a page names stands in the source', async () => {
  const sources = await readSources()
  const codes = pages.flatMap((page) => codesOf(page).filter((code) => /^[A-Z]+(_[A-Z]+)+$/.test(code)))
  assert.ok(codes.length > 30, 'codes are found at all')
  assert.deepEqual(
    codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(sources)),
    [],
  )
})

test('every message that operations quotes is one that the service says', async () => {
  const sources = await readSources()
  // three words or more, in small letters at least one; where a value stands in it, the page writes …
  const quoted = codesOf(readPage('docs/operations.md')).filter((code) => /^\w+ [a-z]+ [^{}"]+$/.test(code))
  assert.ok(quoted.length > 8, 'messages are found at all')
  const wrong = quoted.filter((message) => message.split('…').some((part) => !sources.includes(part)))
  assert.deepEqual(wrong, [])
})

test('no page uses a word that only fills', () => {
  const filler = /\b(simpl[ey]|just|robust|blazing\w*|seamless\w*|effortless\w*|powerful)\b/gi
  const found = pages.flatMap(({ path, prose }) =>
    [...prose.matchAll(filler)].map(([word]) => `${path}: ${word}`),
  )
  assert.deepEqual(found, [])
})

async function readSources(): Promise<string> {
  const paths = await typescriptIn(['src', 'routes', 'db', 'dev', 'cli'])
  return (await Promise.all(paths.map((path) => readFile(path, 'utf8')))).join('\n')
}
