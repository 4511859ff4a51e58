import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openApiDocument } from '../../routes/openapi/index.ts'
import { endStates, outcomeGroups } from '../../src/columns/index.ts'
import { keptCounters } from '../../src/telemetry/kept.ts'
import { readPage } from './pages.ts'

const [, table = ''] = readPage('docs/glossary.md').text.split('## Outcomes\n')
const rows = [...table.matchAll(/^\| (`.*?) \| (.*?) \| (.*?) \| (.*?) ?\|$/gm)]
const codesIn = (text: string) => [...text.matchAll(/`([\w.]+)`/g)].map(([, code = '']) => code)
const own = new Set(rows.flatMap(([, words = '']) => codesIn(words)))
const known = new Set([...own, ...rows.flatMap(([, , , , others = '']) => codesIn(others))])

function allKnown(words: string[], place: string): void {
  assert.ok(words.length > 2, `words of ${place} are found at all: ${words.join()}`)
  const missing = words.filter((word) => !known.has(word))
  assert.deepEqual(missing, [], `${place}: the table of outcomes in docs/glossary.md has each word`)
}

/** The values of fields and parameters that say how something ended. */
function outcomesIn(node: unknown, name = ''): string[] {
  if (typeof node !== 'object' || node === null) return []
  const parameter = 'in' in node && 'name' in node ? String(node.name) : name
  const values = 'enum' in node && Array.isArray(node.enum) ? (node.enum as unknown[]) : []
  const isOutcome = ['state', 'verdict', 'event', 'last_status', 'on'].includes(parameter)
  return [
    ...(isOutcome ? values.filter((value) => typeof value === 'string') : []),
    ...Object.entries(node).flatMap(([key, inner]) =>
      outcomesIn(inner, /^(schema|items|anyOf|oneOf|\d+)$/.test(key) ? parameter : key),
    ),
  ]
}

test('each outcome has one word, which the API, its events and its filters use', () => {
  assert.deepEqual(
    endStates.filter((state) => !own.has(state)),
    [],
  )
  const words = new Set(outcomesIn(openApiDocument({ version: '1.0.0', metricsHere: true })))
  // the filter of all states
  words.delete('all')
  assert.ok(words.has('timed_out') && words.has('recovery') && words.has('superseded'))
  allKnown([...words], '/openapi.json')
  for (const group of Object.keys(outcomeGroups)) assert.ok(own.has(group), group)
})

test('metrics count by the same words', () => {
  const labels = Object.values(keptCounters).flatMap(({ atLeast }) => atLeast as Record<string, string>[])
  allKnown([...new Set(labels.flatMap(({ outcome }) => outcome ?? []))], 'the label outcome')
})

const quoted = /'([a-z_.]+)'/g
const named = /^ {2}([a-z_]+): '/gm
const sources: [place: string, file: string, part: RegExp, words: RegExp][] = [
  ['the page', 'web/parts/verdict.tsx', /looks = \{([^}]*)\}/, named],
  ['the command', 'cli/show.ts', /function stateStyle\(state: string\): Style \{([^}]*)\}/, quoted],
  ['messages', 'src/delivery/senders/shared/text.ts', /words: Record<string, string> = \{([^}]*)\}/, named],
  ['webhooks', 'src/delivery/senders/webhook/send.ts', /types = \{([^}]*)\}/, /'(run\.(?!started)\w+)'/g],
]
const colours = ['green', 'red', 'yellow', 'cyan']

for (const [place, file, part, words] of sources)
  test(`${place} says them in the same words`, async () => {
    const [, text = ''] = part.exec(await readFile(file, 'utf8')) ?? []
    const found = [...text.matchAll(words)].map(([, word = '']) => word)
    allKnown(
      found.filter((word) => !colours.includes(word)),
      place,
    )
  })
