import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Names, setup } from './setup.ts'

const publicOne = '93.184.215.14'
const publicTwo = '2606:4700::1111'

const privateNames = [
  ...[
    'localhost',
    'LocalHost',
    'localhost.',
    'localhost..',
    'a.localhost',
    'localhost.localdomain',
    'ip6-localhost',
  ],
  ...[
    'app.internal',
    'APP.INTERNAL',
    'app.internal.',
    'top1.nearest.of.app.internal',
    '_api.internal',
    'internal',
  ],
  ...[
    'metadata.google.internal',
    'instance-data',
    'app.flycast',
    'App.FlyCast',
    'printer.local',
    'svc.cluster.local',
  ],
  ...[
    'router.lan',
    'nas.home',
    'mail.corp',
    'wiki.intranet',
    'x.private',
    'x.home.arpa',
    'postgres',
    'kubernetes',
  ],
  // IDNA: fullwidth letters, a ligature that is two letters, a dot that is not ours, a letter that goes away
  ...[
    '\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54',
    'app.\u2139nternal',
    'app\u3002internal',
    'app.\uff26lycast',
  ],
  ...['local\u00adhost', 'l\u24de\u24d2alhost', 'app.inte\u200brnal'],
]

for (const name of privateNames) {
  test(`${JSON.stringify(name)} is refused, and not looked up, whatever it would resolve to`, async () => {
    const names = new Proxy<Names>({}, { get: () => [publicOne] })
    const { dialled, lookedUp, tryFetch, tryConnect } = setup({ names })
    assert.equal(await tryFetch(`http://${name}/`), 'TARGET_FORBIDDEN')
    assert.equal(await tryConnect(name), 'TARGET_FORBIDDEN')
    assert.deepEqual([dialled, lookedUp], [[], []])
  })
}

const publicNames = [
  'internal.example.com',
  'flycast.example',
  'notlocalhost.example',
  'local.example',
  'example.co.uk',
]

for (const name of publicNames) {
  test(`${name} is a public name, and its address is called`, async () => {
    const { dialled, tryFetch } = setup({ names: { [name]: [publicOne] } })
    assert.equal(await tryFetch(`https://${name}/`), 'NOT_DIALLED')
    assert.deepEqual(dialled, [publicOne])
  })
}

const resolvesTo = [
  ...[
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
  ],
  ...[
    '::ffff:127.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    'fd00::1',
    'fe80::1',
    'fe80::1%eth0',
    '224.0.0.1',
    'junk',
    '',
  ],
]

for (const address of resolvesTo) {
  test(`a public name that resolves to ${JSON.stringify(address)} is refused`, async () => {
    const { dialled, lookedUp, tryFetch, tryConnect } = setup({ names: { 'localtest.me': [address] } })
    assert.equal(await tryFetch('http://localtest.me/'), 'TARGET_FORBIDDEN')
    assert.equal(await tryConnect('localtest.me'), 'TARGET_FORBIDDEN')
    assert.deepEqual(dialled, [])
    assert.equal(lookedUp.length, 2)
  })
}

test('of public and private addresses only the public ones are tried', async () => {
  const answer = ['10.0.0.1', publicOne, '127.0.0.1', publicTwo, '::1', '169.254.169.254']
  const { dialled, tryFetch } = setup({ names: { 'mixed.example': answer } })
  assert.equal(await tryFetch('http://mixed.example/'), 'NOT_DIALLED')
  assert.deepEqual(dialled, [publicOne, publicTwo])
})

test('a name without an address is refused, and one that does not resolve is an error of DNS', async () => {
  const { dialled, tryFetch } = setup({ names: { 'empty.example': [] } })
  assert.equal(await tryFetch('http://empty.example/'), 'TARGET_FORBIDDEN')
  assert.equal(await tryFetch('http://missing.example/'), 'ENOTFOUND')
  assert.deepEqual(dialled, [])
})

test('a name is looked up once for each connection, and what was checked is what is connected to', async () => {
  const { dialled, lookedUp, tryFetch } = setup({ names: { 'rebind.example': [[publicOne], ['127.0.0.1']] } })
  assert.equal(await tryFetch('http://rebind.example/'), 'NOT_DIALLED')
  assert.deepEqual([dialled, lookedUp], [[publicOne], ['rebind.example']])
  assert.equal(await tryFetch('http://rebind.example/'), 'TARGET_FORBIDDEN')
  assert.deepEqual([dialled.length, lookedUp.length], [1, 2])
})
