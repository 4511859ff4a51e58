import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { setup } from './setup.ts'

const tricks: [says: string, host: string][] = [
  ['loopback', '127.0.0.1'],
  ['loopback beyond the first address', '127.255.255.254'],
  ['loopback, as one decimal number', '2130706433'],
  ['loopback, as one octal number', '017700000001'],
  ['loopback, as one hex number', '0x7f000001'],
  ['loopback, each part octal', '0177.0.0.01'],
  ['loopback, each part hex', '0x7f.0x0.0x0.0x1'],
  ['loopback, parts of many kinds', '0x7f.0.0.01'],
  ['loopback, two parts', '127.1'],
  ['loopback, two parts in hex', '0x7f.1'],
  ['loopback, three parts', '127.0.1'],
  ['loopback, padded with zeroes', '0000177.0.0.1'],
  ['loopback with a dot at the end', '127.0.0.1.'],
  ['loopback in fullwidth digits', '\uff11\uff12\uff17.\uff10.\uff10.\uff11'],
  ['loopback in circled digits', '\u2460\u2461\u2466.\u24ea.\u24ea.\u2460'],
  ['loopback with ideographic dots', '127\u30020\u30020\u30021'],
  ['loopback with halfwidth and fullwidth dots', '127\uff0e0\uff610\uff0e1'],
  ['loopback of IPv6', '[::1]'],
  ['loopback of IPv6, written out', '[0000:0000:0000:0000:0000:0000:0000:0001]'],
  ['the unspecified address', '0.0.0.0'],
  ['the unspecified address as zero', '0'],
  ['this network', '0.1.2.3'],
  ['the unspecified address of IPv6', '[::]'],
  ['loopback mapped into IPv6', '[::ffff:127.0.0.1]'],
  ['loopback mapped into IPv6, in hex', '[::ffff:7f00:1]'],
  ['loopback as IPv4-compatible IPv6', '[::127.0.0.1]'],
  ['loopback as IPv4-translated IPv6', '[::ffff:0:127.0.0.1]'],
  ['loopback by 6to4', '[2002:7f00:1::]'],
  ['loopback by NAT64', '[64:ff9b::7f00:1]'],
  ['a public address by local NAT64', '[64:ff9b:1::808:808]'],
  ['loopback by Teredo', '[2001:0:7f00:1::1]'],
  ['10/8', '10.0.0.1'],
  ['10/8 as one hex number', '0x0a000001'],
  ['172.16/12, its last', '172.31.255.255'],
  ['192.168/16', '192.168.0.1'],
  ['192.168/16 mapped into IPv6', '[::ffff:c0a8:1]'],
  ['the metadata service', '169.254.169.254'],
  ['the metadata service as one number', '2852039166'],
  ['the metadata service mapped into IPv6', '[::ffff:a9fe:a9fe]'],
  ['the metadata service by NAT64', '[64:ff9b::a9fe:a9fe]'],
  ['the metadata service of containers on AWS', '169.254.170.2'],
  ['the metadata service of AWS on IPv6', '[fd00:ec2::254]'],
  ['the metadata service of GCP on IPv6', '[fd20:ce::254]'],
  ['the metadata service of Azure, a public number', '168.63.129.16'],
  ['the metadata service of Alibaba', '100.100.100.200'],
  ['the metadata service of Oracle', '192.0.0.192'],
  ['the resolver of Fly', '[fdaa::3]'],
  ['an app in the private network of Fly', '[fdaa:0:18:a7b:d6b:0:a:2]'],
  ['shared by carriers', '100.64.0.1'],
  ['shared by carriers, its last', '100.127.255.255'],
  ['unique local of IPv6', '[fc00::1]'],
  ['link-local of IPv6', '[fe80::1]'],
  ['site-local of IPv6', '[fec0::1]'],
  ['for benchmarks', '198.18.0.1'],
  ['for benchmarks on IPv6', '[2001:2::1]'],
  ['for documentation', '192.0.2.1'],
  ['for documentation, the second', '198.51.100.1'],
  ['for documentation, the third', '203.0.113.1'],
  ['for documentation on IPv6', '[2001:db8::1]'],
  ['for protocols', '192.0.0.1'],
  ['the relay of 6to4', '192.88.99.1'],
  ['multicast', '224.0.0.1'],
  ['multicast of IPv6', '[ff02::1]'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['discarded', '[100::1]'],
  ['ORCHID', '[2001:20::1]'],
  ['segment routing', '[5f00::1]'],
  ['IPv6 that nobody was given', '[4000::1]'],
]

for (const [says, host] of tricks) {
  test(`${host} is refused (${says})`, async () => {
    const { dialled, lookedUp, tryFetch, tryConnect } = setup()
    assert.equal(await tryFetch(`http://${host}/`), 'TARGET_FORBIDDEN')
    assert.equal(await tryFetch(`https://${host}:8443/`), 'TARGET_FORBIDDEN')
    assert.equal(await tryConnect(host), 'TARGET_FORBIDDEN')
    assert.deepEqual([dialled, lookedUp], [[], []])
  })
}

const hidden: [url: string, host: string][] = [
  ['http://example.com@127.0.0.1/', '127.0.0.1'],
  ['http://example.com:80@127.0.0.1/', '127.0.0.1'],
  ['http://127.0.0.1#@example.com/', '127.0.0.1'],
  ['http://127.0.0.1?@example.com/', '127.0.0.1'],
  ['http://127.0.0.1\\@example.com/', '127.0.0.1'],
  ['http:127.0.0.1/', '127.0.0.1'],
  ['http:////127.0.0.1/', '127.0.0.1'],
  [' \thttp://127.0\n.0.1/', '127.0.0.1'],
  ['http://%31%32%37.0.0.1/', '127.0.0.1'],
  ['http://127%2e0%2e0%2e1/', '127.0.0.1'],
  ['http://%EF%BC%91%EF%BC%92%EF%BC%97.1/', '127.0.0.1'],
  ['HTTP://127.0.0.1:80/', '127.0.0.1'],
]

for (const [text, host] of hidden) {
  test(`${JSON.stringify(text)} means ${host}, and is refused`, async () => {
    const url = new URL(text)
    assert.equal(url.hostname, host)
    url.username = ''
    url.password = ''
    const { dialled, tryFetch } = setup()
    assert.equal(await tryFetch(url.href), 'TARGET_FORBIDDEN')
    assert.deepEqual(dialled, [])
  })
}

const noHosts = [
  ...[
    'fe80::1%eth0',
    '[fe80::1%25eth0]',
    '::1%1',
    '127.0.0.1%00',
    '%31%32%37.0.0.1',
    '',
    ' ',
    '.',
    '..',
    '[::1',
    '::1]',
  ],
  ...[
    'example.com@127.0.0.1',
    '127.0.0.1:80',
    'example.com/',
    '//127.0.0.1',
    'example.com#',
    'a b',
    '127.0.0.1\n',
    '*',
  ],
  ...[
    'example.com\\',
    'example.com?x',
    '256.256.256.256',
    '1.2.3.4.5',
    '0x7f.0.0.0.1',
    '127.0.0.1\0.example.com',
  ],
]

for (const host of noHosts) {
  test(`${JSON.stringify(host)} is no host for a raw connection`, async () => {
    const { dialled, lookedUp, tryConnect } = setup({ allow: ['127.0.0.0/8', '::1'] })
    assert.equal(await tryConnect(host), 'TARGET_FORBIDDEN')
    assert.deepEqual([dialled, lookedUp], [[], []])
  })
}

const open: [host: string, address: string][] = [
  ['8.8.8.8', '8.8.8.8'],
  ['0x08080808', '8.8.8.8'],
  ['1.0.0.1', '1.0.0.1'],
  ['172.15.255.255', '172.15.255.255'],
  ['172.32.0.0', '172.32.0.0'],
  ['100.63.255.255', '100.63.255.255'],
  ['169.253.255.255', '169.253.255.255'],
  ['[2606:4700::1111]', '2606:4700::1111'],
  ['[::ffff:8.8.8.8]', '::ffff:808:808'],
  ['[64:ff9b::8.8.8.8]', '64:ff9b::808:808'],
]

for (const [host, address] of open) {
  test(`${host} is a public address, and may be called`, async () => {
    const { dialled, tryFetch, tryConnect } = setup()
    assert.equal(await tryFetch(`http://${host}/`), 'NOT_DIALLED')
    assert.equal(await tryConnect(host), 'NOT_DIALLED')
    assert.deepEqual(dialled, [address, address])
  })
}

const privateIPv4 = fc.oneof(
  ...[
    [127, 8],
    [10, 8],
    [0, 8],
    [(172 << 8) + 16, 12],
    [(192 << 8) + 168, 16],
    [(169 << 8) + 254, 16],
    [(100 << 8) + 64, 10],
  ].map(([start = 0, bits = 0]) =>
    fc.bigInt(0n, 2n ** BigInt(32 - bits) - 1n).map((rest) => {
      const first = BigInt(start) << (start > 255 ? 16n : 24n)
      return Number(first + rest)
    }),
  ),
)
const spelling = fc.constantFrom(
  (part: number) => String(part),
  (part: number) => `0x${part.toString(16)}`,
  (part: number) => `0X${part.toString(16).toUpperCase()}`,
  (part: number) => `0${part.toString(8)}`,
)

test('a private IPv4 address is refused in each of its spellings', async () => {
  const { dialled, tryConnect } = setup()
  await fc.assert(
    fc.asyncProperty(
      privateIPv4,
      fc.integer({ min: 1, max: 4 }),
      fc.array(spelling, { minLength: 4, maxLength: 4 }),
      async (number, parts, spell) => {
        const octets = [24, 16, 8, 0].map((shift) => (number >>> shift) & 255)
        const last = octets.slice(parts - 1).reduce((sum, octet) => sum * 256 + octet, 0)
        const text = [...octets.slice(0, parts - 1), last].map((part, at) => spell[at]?.(part)).join('.')
        assert.equal(await tryConnect(text), 'TARGET_FORBIDDEN', text)
      },
    ),
    { numRuns: 300 },
  )
  assert.deepEqual(dialled, [])
})
