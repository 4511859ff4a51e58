import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { operations } from '../../routes/schemas/operations.ts'
import { webhookEvent } from '../../routes/schemas/index.ts'

// Every word for how something ended, in answers, filters, bodies and webhooks, is in the one table of the glossary.

const fields = new Set(['state', 'status', 'verdict', 'event', 'on', 'outcome', 'last_status'])
/** A filter for whatever it is, and events that are about no run. */
const others = new Set(['all', 'service.health', 'test'])

/** The words of the fields that tell an outcome, with where each stands. */
function wordsIn(schema: unknown, field: string, note: (word: string) => void): void {
  if (typeof schema !== 'object' || schema === null) return
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'properties')
      for (const [of, inner] of Object.entries(value as object)) wordsIn(inner, of, note)
    else if ((name === 'enum' || name === 'const') && fields.has(field)) {
      for (const word of [value].flat()) if (typeof word === 'string') note(word)
    } else wordsIn(value, field, note)
  }
}

/** The words of the table. */
function wordsOfGlossary(): Set<string> {
  const page = readFileSync('docs/glossary.md', 'utf8')
  const [, table = ''] = /^## Outcomes\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(page) ?? []
  return new Set([...table.matchAll(/`([a-z_.]+)`/g)].map(([, word]) => word ?? ''))
}

test('whatever tells an outcome says it in a word of the glossary', () => {
  const known = wordsOfGlossary()
  const found = new Map<string, string>()
  for (const [operation, schemas] of Object.entries(operations))
    wordsIn(schemas, '', (word) => found.set(word, operation))
  for (const [, word = ''] of JSON.stringify(webhookEvent).matchAll(/"const":"([a-z_.]+)"/g))
    found.set(word, 'webhook')
  const unknown = [...found].filter(([word]) => !known.has(word) && !others.has(word))
  assert.deepEqual(unknown, [])
  assert.ok(found.size > 20, `${found.size} words`)
})

test('the page, the command and messages have a sign, a colour or a word for words of the glossary alone', () => {
  const known = wordsOfGlossary()
  const told = {
    'web/parts/verdict.tsx': /looks = \{([^}]*)\}/,
    'cli/show.ts': /function stateStyle\(state[^{]*\{([^}]*)\}/,
    'src/delivery/senders/shared/text.ts': /const words[^{]*\{([^}]*)\}/,
  }
  for (const [file, form] of Object.entries(told)) {
    const [, text = ''] = form.exec(readFileSync(file, 'utf8')) ?? []
    const isByKey = !file.startsWith('cli')
    const words = [...text.matchAll(isByKey ? /^\s*(\w+):/gm : /'(\w+)'/g)].map(([, word]) => word ?? '')
    const colours = new Set(['green', 'red', 'yellow', 'cyan'])
    assert.ok(words.length > 5, file)
    assert.deepEqual(
      words.filter((word) => !known.has(word) && !colours.has(word)),
      [],
      file,
    )
  }
})
