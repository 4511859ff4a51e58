import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actionTypes } from '../../src/actions/index.ts'
import { receiverKit, receivers } from '../../src/delivery/senders/index.ts'
import * as kit from '../../src/ground/schema.ts'
import { readPage, tableUnder } from './pages.ts'

type Fields = Record<string, Record<string, unknown>>

/** The fields of a receiver as they stand in a job, and those that are secret there. */
function fieldsOf({ schema }: (typeof receivers)[number]) {
  const { type: _, ...fields } = schema(receiverKit(kit, 'job')).properties as unknown as Fields
  const secret = Object.entries(fields).filter(([, one]) => JSON.stringify(one).includes('"writeOnly":true'))
  return { names: Object.keys(fields), secret: secret.map(([name]) => name) }
}

test('the table of receivers has each type, its fields, and what becomes of a long output', () => {
  const rows = tableUnder(readPage('docs/deliveries.md'), 'Receivers').slice(1)
  assert.deepEqual(
    rows.map(([type]) => type),
    receivers.map(({ type }) => `\`${type}\``),
  )
  for (const [at, receiver] of receivers.entries()) {
    const [, shown = '', longOutput] = rows[at] ?? []
    const { names, secret } = fieldsOf(receiver)
    const listed = [...shown.matchAll(/`([a-z_]+)\??`(?![^(]*\))/g)].map(([, name]) => name)
    assert.deepEqual(listed, names, `fields of ${receiver.type}`)
    const italic = [...shown.matchAll(/\*`([a-z_]+)`\*/g)].map(([, name]) => name)
    assert.deepEqual(italic, secret, `secrets of ${receiver.type}`)
    assert.equal(longOutput, receiver.docs)
  }
})

test('the table of actions has each type and what it does', () => {
  const { text } = readPage('docs/actions.md')
  for (const { type, docs } of actionTypes) {
    const row = `| [\`${type}\`](#${type}) | ${docs} |`
    assert.ok(text.includes(row), `docs/actions.md has no row ${row}`)
  }
})

test('what the schema of a receiver holds as secret is hidden in whatever the receiver says', () => {
  for (const receiver of receivers) {
    const { secret } = fieldsOf(receiver)
    const hidden: readonly string[] = receiver.secretsOf
    for (const field of secret) assert.ok(hidden.includes(field), `${receiver.type}.${field}`)
  }
})
