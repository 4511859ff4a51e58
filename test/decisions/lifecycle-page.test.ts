import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { jobStates, runStates } from '../../src/columns/index.ts'

const page = await readFile('docs/lifecycle.md', 'utf8')

/** The lines of the diagram under a heading: `from --> to`. */
function arrowsUnder(heading: string): string[][] {
  const section = page.split('\n## ').find((text) => text.startsWith(heading)) ?? ''
  return [...section.matchAll(/^ {2}(\S+) --> (\w+|\[\*\])/gm)].map(([, from = '', to = '']) => [from, to])
}

const statesOf = (heading: string) =>
  new Set(
    arrowsUnder(heading)
      .flat()
      .filter((state) => state !== '[*]'),
  )

test('the diagrams of job and run show the states that there are, and no others', () => {
  assert.deepEqual(statesOf('A job'), new Set<string>(jobStates))
  assert.deepEqual(statesOf('A run'), new Set<string>(runStates))
})

test('nothing leads out of a finished run but its end', () => {
  const finished = arrowsUnder('A run').flatMap(([from, to]) => (to === '[*]' ? [from] : []))
  assert.equal(finished.length, 6)
  for (const [from = '', to] of arrowsUnder('A run'))
    if (finished.includes(from)) assert.equal(to, '[*]', from)
})

test('every test that the page names is there, in the file that it names', async () => {
  const rows = [...page.matchAll(/^\| [^|]+ \| `(test\/[^`]+)` \| "(.+)" \|$/gm)]
  assert.ok(rows.length > 20)
  for (const [, file = '', name = ''] of rows) {
    const source = await readFile(file, 'utf8')
    assert.ok(source.includes(`test('${name.replaceAll("'", "\\'")}'`), `${file}: ${name}`)
  }
})

test('every file that the page names exists', () => {
  const files = [...page.matchAll(/`((?:test|src|db|docs|dev)\/[\w./-]+)`|\]\(([\w.-]+\.md)\)/g)]
  for (const [named, file, link = ''] of files) assert.ok(existsSync(file ?? `docs/${link}`), named)
})
