import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelsInTexts, channelsOf, specsOf } from '../../src/decisions/specs.ts'
import { readMailbox } from '../../src/delivery/senders/email/mailbox.ts'
import { shortened } from '../../src/delivery/senders/shared/text.ts'

test('whatever form `deliver` has, it is a list of specs with lists of events', () => {
  const webhook = { type: 'webhook', url: 'https://a.example', secrets: ['{{secrets.A}}'] }
  assert.deepEqual(specsOf(null), [])
  assert.deepEqual(specsOf('team'), [{ channel: 'team', on: ['always'] }])
  assert.deepEqual(specsOf(webhook), [{ ...webhook, on: ['always'] }])
  assert.deepEqual(
    specsOf([
      'team',
      { channel: 'ops', on: 'failure', template: 'x' },
      { ...webhook, on: ['success', 'recovery'] },
    ]),
    [
      { channel: 'team', on: ['always'] },
      { channel: 'ops', on: ['failure'], template: 'x' },
      { ...webhook, on: ['success', 'recovery'] },
    ],
  )
})

test('to "local", "none" and "origin" nothing is delivered', () => {
  for (const deliver of ['local', 'none', 'origin', 'local, none', '', ['none'], { channel: 'local' }]) {
    assert.deepEqual([specsOf(deliver), channelsOf(deliver)], [[], []])
  }
  assert.deepEqual(channelsInTexts(['none', 'team']), ['team'])
})

test('what no schema would let through makes no delivery', () => {
  for (const deliver of [undefined, 7, true, {}, { to: 'me' }, [[]], { channel: 7 }, { type: 7 }])
    assert.deepEqual(specsOf(deliver), [], JSON.stringify(deliver))
})

test('the channels of a job are those it names, each once', () => {
  const deliver = [
    'team',
    { channel: 'ops', on: 'failure' },
    { channel: 'team' },
    { type: 'slack', url: '{{secrets.S}}' },
  ]
  assert.deepEqual(channelsOf(deliver), ['ops', 'team'])
  assert.deepEqual(channelsInTexts(deliver), ['team'])
})

test('a text may name several channels, each by the name that it has or would have here', () => {
  assert.deepEqual(channelsInTexts('local, Ops,telegram:-100123'), ['ops', 'telegram--100123'])
  assert.deepEqual(channelsInTexts(['discord:#a b', 'team,all', 7]), ['discord--a-b', 'team'])
  assert.equal(channelsInTexts('x'.repeat(100))[0]?.length, 63)
})

test('a shortened text has its beginning, its end and a count, within the limit', () => {
  const text = `${'a'.repeat(500)}${'b'.repeat(500)}`
  for (const limit of [1_000, 999, 200, 60, 10, 0]) {
    const short = shortened(text, limit)
    assert.ok(short.length <= limit, String(limit))
    if (limit === 1_000) assert.equal(short, text)
    if (limit === 200) assert.match(short, /^a+\n\[\.\.\. 800 characters and more omitted \.\.\.\]\nb+$/)
  }
})

test('one address is one mailbox, with or without a name', () => {
  assert.deepEqual(readMailbox('ops@example.com'), { name: '', address: 'ops@example.com' })
  assert.deepEqual(readMailbox('B\u00fcro 7 <ops+a@b.example>'), {
    name: 'B\u00fcro 7',
    address: 'ops+a@b.example',
  })
  for (const text of ['a@b, c@d', 'x: a@b;', 'a b@c', 'a@b\n', '<a@b', 'a@b <c@d>', '@b', 'a@'])
    assert.equal(readMailbox(text), null, JSON.stringify(text))
})
