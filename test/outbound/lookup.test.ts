import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLookup } from '../../src/outbound/lookup.ts'
import { nameServer } from '../support/name-server.ts'
import { assertTook } from '../support/limits.ts'

const never = new AbortController().signal

test('a name has the addresses of both families, those of IPv4 first', async (t) => {
  const { place } = await nameServer(t, (_name, family) =>
    family === 'A' ? ['93.184.215.14', '93.184.215.15'] : ['2606:4700::1111'],
  )
  const lookup = createLookup({ nameServers: [place] })
  assert.deepEqual(await lookup('two.example', never), ['93.184.215.14', '93.184.215.15', '2606:4700::1111'])
})

test('a name of one family is found, as those of *.internal are', async (t) => {
  const { place } = await nameServer(t, (name, family) =>
    name === 'six.internal' && family === 'AAAA' ? ['fdaa:1::3'] : 'none',
  )
  const lookup = createLookup({ nameServers: [place] })
  assert.deepEqual(await lookup('six.internal', never), ['fdaa:1::3'])
})

test('where one family is never answered, the other one is enough', async (t) => {
  const { place } = await nameServer(t, (_name, family) => (family === 'A' ? ['93.184.215.14'] : 'silent'))
  const startedAt = performance.now()
  const found = await createLookup({ nameServers: [place] })('half.example', never)
  assert.deepEqual(found, ['93.184.215.14'])
  assertTook(performance.now() - startedAt, 1_400, 'what does not wait for the silent one')
})

test('a name that is not there is ENOTFOUND, also where there is one without an address', async (t) => {
  const { place } = await nameServer(t, (name) => (name.startsWith('empty') ? [] : 'none'))
  const lookup = createLookup({ nameServers: [place] })
  await assert.rejects(lookup('gone.example', never), { code: 'ENOTFOUND' })
  await assert.rejects(lookup('empty.example', never), { code: 'ENOTFOUND' })
})

test('a name server that is broken, or not there, is EAI_AGAIN: no word about the name', async (t) => {
  const { place } = await nameServer(t, () => 'broken')
  await assert.rejects(createLookup({ nameServers: [place] })('any.example', never), { code: 'EAI_AGAIN' })
  await assert.rejects(createLookup({ nameServers: ['127.0.0.1:9'] })('any.example', never), {
    code: 'EAI_AGAIN',
  })
})

test('a look-up ends with its signal, though the name server is silent', async (t) => {
  const { place, asked } = await nameServer(t, () => 'silent')
  const stop = new AbortController()
  const looking = createLookup({ nameServers: [place] })('silent.example', stop.signal)
  while (asked.length === 0) await new Promise(setImmediate)
  const startedAt = performance.now()
  stop.abort(new Error('enough'))
  await assert.rejects(looking)
  assertTook(performance.now() - startedAt, 500)
  await assert.rejects(createLookup({ nameServers: [place] })('silent.example', stop.signal), {
    message: 'enough',
  })
})

test('a name server that stays silent is given up after some seconds', async (t) => {
  const { place } = await nameServer(t, () => 'silent')
  const startedAt = performance.now()
  await assert.rejects(createLookup({ nameServers: [place] })('silent.example', never), { code: 'EAI_AGAIN' })
  assertTook(performance.now() - startedAt, 6_500)
})

test('localhost and what ends so are this machine, and nobody is asked', async (t) => {
  const { place, asked } = await nameServer(t, () => ['93.184.215.14'])
  const lookup = createLookup({ nameServers: [place] })
  for (const name of ['localhost', 'app.localhost'])
    for (const address of await lookup(name, never)) assert.match(address, /^(127\.|::1$)/)
  assert.deepEqual(asked, [])
})
