import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { setup } from './setup.ts'

const everything = ['0.0.0.0/0', '::/0', '*.example', 'chronos.example', 'localhost']
const own = [
  'https://chronos.example',
  'https://nas.example:8443/portal',
  'https://198.51.100.7',
  'http://localhost:8080',
]
const names = {
  'chronos.example': ['93.184.215.14'],
  'nas.example': ['93.184.215.15'],
  'other.example': ['93.184.215.14'],
  'sub.chronos.example': ['93.184.215.16'],
  'alias.example': ['198.51.100.7'],
  'loop.example': ['127.0.0.1'],
  localhost: ['127.0.0.1', '::1'],
}

const refused = [
  ...[
    'chronos.example',
    'CHRONOS.example',
    'chronos.example.',
    'chronos.example:8443',
    '\uff43hronos.example',
  ],
  ...[
    'nas.example',
    'nas.example:8443',
    'nas.example:1234',
    '198.51.100.7',
    '198.51.100.7:99',
    'alias.example',
  ],
  ...[
    '0xc6336407',
    '[::ffff:198.51.100.7]',
    'localhost:8080',
    '127.0.0.1:8080',
    '127.9.9.9:8080',
    '[::1]:8080',
  ],
  ...['0.0.0.0:8080', '[::]:8080', 'loop.example:8080', '[::ffff:7f00:1]:8080', '0x7f.1:8080'],
]

for (const host of refused) {
  test(`${host} is this service or NAS, and is refused whatever TARGET_ALLOW says`, async () => {
    const { dialled, tryFetch } = setup({ allow: everything, own, names })
    assert.equal(await tryFetch(`https://${host}/`), 'TARGET_FORBIDDEN')
    assert.deepEqual(dialled, [])
  })
}

const others = ['other.example', 'sub.chronos.example', '127.0.0.1:8081', 'localhost:81', 'loop.example:81']

for (const host of [...others, '198.51.100.8']) {
  test(`${host} is another one, and is called`, async () => {
    const { tryFetch } = setup({ allow: everything, own, names })
    assert.equal(await tryFetch(`http://${host}/`), 'NOT_DIALLED')
  })
}

test('an address that this machine has is ours at the port that we listen on, and at no other', async (t) => {
  const mine = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family, scopeid }) => !internal && (family === 'IPv4' || scopeid === 0))
  if (!mine) return t.skip('this machine has no address but loopback')
  const host = mine.family === 'IPv4' ? mine.address : `[${mine.address}]`
  const { tryFetch } = setup({ allow: everything, own })
  assert.equal(await tryFetch(`http://${host}:8080/`), 'TARGET_FORBIDDEN')
  assert.equal(await tryFetch(`http://${host}:8081/`), 'NOT_DIALLED')
})
