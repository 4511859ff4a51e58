import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { test } from 'node:test'
import { groups } from '../../dev/conformance/clauses/index.ts'
import { typescriptIn } from '../docs/pages.ts'

const clauses = groups.flatMap((group) => group.clauses)

test('docs/contract.md names the clauses that are tried, each once, and on which side', async () => {
  const page = await readFile('docs/contract.md', 'utf8')
  const written = [...page.matchAll(/^\| `([a-z0-9-]+)` \| (S|N|S N) \| .+ \|$/gm)].map(
    ([, name, sides]) => `${name} ${sides}`,
  )
  const tried = clauses.map(({ name, service, own, nas, ownNas }) =>
    [name, (service ?? own) && 'S', (nas ?? ownNas) && 'N'].filter(Boolean).join(' '),
  )
  assert.deepEqual(written.toSorted(), tried.toSorted())
  assert.equal(new Set(clauses.map(({ name }) => name)).size, clauses.length)
})

test('the kit imports nothing of what it judges', async () => {
  const allowed = ['../../postgres/index.ts', '../../free-port.ts', '../../compile-cache.ts']
  const files = await typescriptIn(['dev/conformance'])
  assert.ok(files.length > 20, 'files are found at all')
  for (const file of files) {
    const text = await readFile(file, 'utf8')
    for (const [, specifier = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)) {
      const target = posix.join(posix.dirname(file), specifier)
      assert.ok(
        target.startsWith('dev/conformance/') || allowed.includes(specifier),
        `${file} imports ${specifier}`,
      )
    }
  }
})
