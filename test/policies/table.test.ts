import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyFields } from '../../routes/schemas/policy.ts'
import { readPage, tableUnder } from '../docs/pages.ts'

type Schema = {
  properties?: Record<string, Schema>
  enum?: (string | null)[]
  items?: Schema
  minimum?: number
  maximum?: number
  default?: unknown
}

const rows = tableUnder(readPage('docs/policies.md'), 'All fields').map(
  ([field = '', , usual = '', bounds = '']) => ({ field: field.replaceAll('`', ''), usual, bounds }),
)
const fields: [string, Schema][] = Object.entries(policyFields as Record<string, Schema>).flatMap(
  ([name, schema]): [string, Schema][] =>
    schema.properties
      ? Object.entries(schema.properties).map(([member, inner]) => [`${name}.${member}`, inner])
      : [[name, schema]],
)

test('the table of policies lists the fields that the API takes, in its order', () => {
  assert.deepEqual(
    rows.map(({ field }) => field),
    fields.map(([name]) => name),
  )
})

test('the table of policies says the defaults and the bounds that hold', () => {
  for (const [name, schema] of fields) {
    const row = rows.find(({ field }) => field === name)
    assert.equal(row?.usual, codes(schema.default), name)
    const words = schema.items?.enum ?? schema.enum
    if (words) assert.equal(row?.bounds, codes(words.filter((word) => word !== null)), name)
    if (schema.minimum !== undefined) assert.equal(row?.bounds, `${schema.minimum} … ${schema.maximum}`, name)
  }
})

function codes(value: unknown): string {
  if (value === null || value === undefined) return '–'
  const words = [value].flat() as (string | number)[]
  return words.map((word) => `\`${word}\``).join(', ')
}
