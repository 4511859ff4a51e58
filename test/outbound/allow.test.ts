import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAllowEntry } from '../../src/ground/allow.ts'
import { ConfigError, readConfig } from '../../src/ground/config.ts'
import { setup } from './setup.ts'

const names = {
  'app.flycast': ['fdaa:0:18::2'],
  'db.internal': ['10.0.0.5'],
  'deep.db.internal': ['10.0.0.6'],
  'wiki.example': ['192.168.7.7'],
  'meta.internal': ['169.254.169.254'],
  'azure.internal': ['168.63.129.16'],
  'resolver.internal': ['fdaa::3'],
  'public.internal': ['93.184.215.14'],
  localhost: ['127.0.0.1', '::1'],
}

type Case = { allow: string[]; open?: string[]; shut?: string[] }

const cases: Case[] = [
  {
    allow: ['db.internal'],
    open: ['db.internal', 'db.internal:5432', 'DB.internal.'],
    shut: ['deep.db.internal', '10.0.0.5'],
  },
  { allow: ['DB.Internal.'], open: ['db.internal'], shut: ['app.flycast'] },
  {
    allow: ['*.internal'],
    open: ['db.internal', 'deep.db.internal'],
    shut: ['app.flycast', 'wiki.example', 'localhost'],
  },
  { allow: ['*.db.internal'], open: ['deep.db.internal'], shut: ['db.internal'] },
  {
    allow: ['*.flycast', 'wiki.example'],
    open: ['app.flycast', 'wiki.example'],
    shut: ['db.internal', '192.168.7.7'],
  },
  { allow: ['wiki.example:8080'], open: ['wiki.example:8080'], shut: ['wiki.example', 'wiki.example:8081'] },
  {
    allow: ['10.0.0.5'],
    open: ['10.0.0.5', '[::ffff:10.0.0.5]', '0xa000005', 'db.internal'],
    shut: ['10.0.0.6', 'deep.db.internal', 'public.internal'],
  },
  { allow: ['10.0.0.5:5432'], open: ['10.0.0.5:5432'], shut: ['10.0.0.5', '10.0.0.5:5433'] },
  {
    allow: ['10.0.0.0/29'],
    open: ['10.0.0.0', '10.0.0.7', 'deep.db.internal'],
    shut: ['10.0.0.8', '192.168.7.7'],
  },
  { allow: ['::ffff:10.0.0.0/125'], open: ['10.0.0.7'], shut: ['10.0.0.8'] },
  { allow: ['fd12::/16'], open: ['[fd12::1]'], shut: ['[fd13::1]', 'app.flycast'] },
  {
    allow: ['fd12::1', '[fd12::2]', '[fd12::3]:80'],
    open: ['[fd12::1]:81', '[fd12::2]:81', '[fd12::3]'],
    shut: ['[fd12::3]:81'],
  },
  {
    allow: ['127.0.0.0/8', '::1'],
    open: ['127.0.0.1', 'localhost', '[::1]'],
    shut: ['0.0.0.0', '[::]', 'db.internal', '10.0.0.5'],
  },
  {
    allow: ['10.0.0.0/8', '*.internal', '0.0.0.0/0', '::/0'],
    shut: ['meta.internal', 'azure.internal', 'resolver.internal'],
  },
  {
    allow: ['169.254.0.0/16', 'meta.internal', 'fdaa::/16'],
    shut: ['169.254.169.254', 'meta.internal', '[fdaa::3]', '[fd00:ec2::254]'],
  },
  {
    allow: ['169.254.169.254'],
    open: ['169.254.169.254', 'meta.internal'],
    shut: ['169.254.170.2', '[fd00:ec2::254]'],
  },
  { allow: ['169.254.169.254:80'], open: ['169.254.169.254'], shut: ['169.254.169.254:81'] },
  { allow: ['fdaa::3/128'], open: ['[fdaa::3]', 'resolver.internal'], shut: ['[fdaa::4]'] },
]

for (const { allow, open = [], shut = [] } of cases) {
  for (const host of open) {
    test(`TARGET_ALLOW ${allow.join()} lets ${host} through`, async () => {
      const { tryFetch } = setup({ allow, names })
      assert.equal(await tryFetch(`http://${host}/`), 'NOT_DIALLED')
    })
  }
  for (const host of shut) {
    test(`TARGET_ALLOW ${allow.join()} does not let ${host} through`, async () => {
      const { dialled, tryFetch } = setup({ allow, names })
      assert.equal(await tryFetch(`http://${host}/`), 'TARGET_FORBIDDEN')
      assert.deepEqual(dialled, [])
    })
  }
}

const unreadable = [
  ...[
    'http://db.internal',
    'db.internal/',
    'user@db.internal',
    'db.internal:0',
    'db.internal:70000',
    'db.internal:x',
  ],
  ...[
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0.0/8:80',
    '10.0.0/8',
    'db.internal/8',
    '/8',
    '127.1',
    '2130706433',
    '0x7f.1',
  ],
  ...[
    '010.0.0.1',
    '256.0.0.1',
    'fe80::1%eth0',
    '[fd00::1',
    'fd00::1]',
    '[10.0.0.1]',
    '*',
    '*.',
    '*.*.internal',
    'a*.internal',
  ],
  ...['a b', '.', '[fd00::1]:99999', '*.10.0.0.1', '%31.internal'],
]

for (const entry of unreadable) {
  test(`${JSON.stringify(entry)} is no entry of TARGET_ALLOW`, () => {
    assert.equal(readAllowEntry(entry), null)
  })
}

test('all entries of TARGET_ALLOW that cannot be read are reported at start, beside other problems', () => {
  const env = { TARGET_ALLOW: 'db.internal, 10.0.0.0/33 ,*.flycast,http://x', PORT: 'http' }
  assert.throws(
    () => readConfig(env),
    (error) => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, /PORT must be .*, not "http"/)
      assert.match(error.message, /TARGET_ALLOW: "10\.0\.0\.0\/33" is not a host name/)
      assert.match(error.message, /TARGET_ALLOW: "http:\/\/x"/)
      assert.doesNotMatch(error.message, /holds "(db|\*)/)
      return true
    },
  )
})

test('without TARGET_ALLOW a developer may call this machine, and in production nobody may', () => {
  const production = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://u@h/d',
    API_KEY: 'a-key-of-sixteen-or-more',
  }
  assert.deepEqual(readConfig({}).targetAllow, ['127.0.0.0/8', '::1'])
  assert.deepEqual(readConfig({ TARGET_ALLOW: 'db.internal' }).targetAllow, ['db.internal'])
  assert.deepEqual(readConfig(production).targetAllow, [])
})
