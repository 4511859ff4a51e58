import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAddressRules } from '../../relay/core/index.ts'
import { readBase, within } from '../../relay/core/callback.ts'
import { readInstant } from '../../relay/core/instant.ts'
import { newToken, readToken } from '../../relay/core/secret.ts'

test('instants are read as Temporal reads them, whatever their offset', () => {
  const offset = fc
    .tuple(fc.constantFrom('+', '-'), fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
    .map(
      ([sign, hours, minutes]) =>
        `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`,
    )
  const local = fc
    .date({ min: new Date('1990-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, -1))
  const cut = fc.constantFrom(16, 19, 21, 23)
  fc.assert(
    fc.property(local, cut, fc.oneof(offset, fc.constantFrom('Z', 'z')), (text, end, zone) => {
      const written = `${text.slice(0, end)}${zone}`
      assert.equal(readInstant(written), Temporal.Instant.from(written).epochMilliseconds)
    }),
  )
})

test('what is no instant is not read as one', () => {
  const texts = [
    ...['', 'now', '2026-06-18', '2026-06-18T12:00:00', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z'],
    ...['2026-06-18T24:00:00Z', '2026-06-18T12:60:00Z', '2026-06-18T12:00:61Z', '2026-06-18T12:00:00+24:00'],
    ...['2026-06-18T12:00:00Z[UTC]', ' 2026-06-18T12:00:00Z', '1760000000'],
  ]
  for (const text of texts) assert.equal(readInstant(text), null, text)
  for (const value of [1_760_000_000, null, undefined, {}]) assert.equal(readInstant(value), null)
  assert.equal(readInstant('2026-06-18T12:34:56.123456789Z'), Date.UTC(2026, 5, 18, 12, 34, 56, 123))
})

const publicOnly = createAddressRules([])
const local = createAddressRules(['127.0.0.0/8', 'app.internal', '*.lan', '::1', 'localhost'])

test('addresses that are not public are refused, in whatever notation', () => {
  const addresses = [
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
    ],
    ...[
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      'fdaa::3',
      '::ffff:10.0.0.1',
      '64:ff9b::7f00:1',
      '::127.0.0.1',
      '2002:7f00:1::',
    ],
    ...['168.63.129.16', '100.100.100.200', '255.255.255.255', 'fe80::1%eth0', 'nonsense'],
  ]
  for (const address of addresses)
    assert.notEqual(publicOnly.ofAddress('app.example', address), null, address)
  for (const address of ['8.8.8.8', '2606:4700::1111', '66.241.125.1'])
    assert.equal(publicOnly.ofAddress('app.example', address), null, address)
})

test('a base URL is public and https, unless it is allowed', () => {
  const refused = [
    ...[
      'http://app.example',
      'https://127.0.0.1',
      'https://[::1]',
      'https://[::ffff:127.0.0.1]',
      'https://2130706433',
    ],
    ...[
      'https://0x7f.1',
      'https://localhost',
      'https://app.localhost',
      'https://app.internal',
      'https://app.flycast',
    ],
    ...[
      'https://printer',
      'https://app.local.',
      'https://user:pw@app.example',
      'https://app.example/?x=1',
      'ftp://app.example',
    ],
    ...['https://app.example/#x', '', 'app.example', `https://app.example/${'x'.repeat(600)}`],
  ]
  for (const url of refused) assert.ok('wrong' in readBase(url, publicOnly), url)
  const allowed = [
    'http://127.0.0.1:8080',
    'http://app.internal:8080',
    'http://nas.lan',
    'http://localhost:1',
    'http://[::1]:80',
  ]
  for (const url of allowed) assert.ok('base' in readBase(url, local), url)
  assert.ok('wrong' in readBase('http://10.0.0.1', local))
  assert.ok('wrong' in readBase('http://lan', local))
})

test('a base URL is kept without the route of fires and without slashes at its end', () => {
  for (const end of ['', '/', '//', '/api/cron/fire', '/api/cron/fire/'])
    assert.deepEqual(readBase(`https://App.Example${end}`, publicOnly), { base: 'https://app.example' }, end)
  assert.deepEqual(readBase('https://app.example/some/base/', publicOnly), {
    base: 'https://app.example/some/base',
  })
})

test('a callback is one of the bases of its agent, or below one', () => {
  const bases = ['https://app.example', 'https://other.example/base']
  for (const url of [
    'https://app.example',
    'https://app.example/',
    'https://app.example/x',
    'https://other.example/base/x',
  ])
    assert.equal(within(bases, url), url.replace(/\/$/, ''), url)
  const outside = [
    ...[
      'https://app.example.evil.example',
      'http://app.example',
      'https://app.example:8443',
      'https://other.example',
    ],
    ...[
      'https://other.example/basement',
      'https://other.example/base/../x',
      'https://other.example/base/%2e%2e/x',
    ],
    ...['https://x@app.example', 'https://app.example?x', 'nonsense', 7, null],
  ]
  for (const url of outside) assert.equal(within(bases, url), null, String(url))
})

test('an entry that names nothing is refused', () => {
  for (const entry of ['10.0.0.0/33', 'a b', 'https://app.example', '10.0.0.0/x', '::/129'])
    assert.throws(() => createAddressRules([entry]), /is no host name, address or range/, entry)
})

test('a token names its agent, and is of one kind', () => {
  assert.equal(readToken('rat', newToken('rat', 'my-agent-1'))?.agentId, 'my-agent-1')
  for (const text of ['', 'rat__00', 'rat_a_', 'rat_A_00', 'rat_a_xyz', newToken('rrt', 'a')])
    assert.equal(readToken('rat', text), null, text)
})
