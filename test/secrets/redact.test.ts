import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createGrowingRedactor, createRedactor } from '../../src/redact/index.ts'
import { formsOf } from '../../src/redact/forms.ts'
import { assertCost, assertTook, processorMs } from '../support/limits.ts'

const token = 'sk-Ünï+code/40 "quoted" <&\'tail'
const base64 = (text: string) => Buffer.from(text).toString('base64')

test('a secret is found in each of its usual encodings, and what is around it stays', () => {
  const { text } = createRedactor([token])
  const written: Record<string, string> = {
    plain: token,
    json: JSON.stringify(token).slice(1, -1),
    'json in json': JSON.stringify(JSON.stringify(token)).slice(3, -3),
    'json in ascii': 'sk-\\u00dcn\\u00ef+code/40 \\"quoted\\" <&\'tail',
    'json of PHP': 'sk-\\u00dcn\\u00ef+code\\/40 \\"quoted\\" <&\'tail',
    'json of Go': 'sk-Ünï+code/40 \\"quoted\\" \\u003c\\u0026\'tail',
    component: encodeURIComponent(token),
    form: new URLSearchParams({ a: token }).toString().slice(2),
    'lower case': encodeURIComponent(token).replaceAll(/%../g, (code) => code.toLowerCase()),
    twice: encodeURIComponent(encodeURIComponent(token)),
    query: new URL(`http://x/?a=${token}`).search.slice(3),
    html: 'sk-Ünï+code/40 &quot;quoted&quot; &lt;&amp;&#39;tail',
    hex: Buffer.from(token).toString('hex'),
    HEX: Buffer.from(token).toString('hex').toUpperCase(),
  }
  for (const [name, form] of Object.entries(written))
    assert.equal(text(`before ${form} after`), 'before [REDACTED] after', name)
})

test('a secret is found in base64 wherever it stood, in both alphabets and in Basic credentials', () => {
  const secret = 'hunter2>>>???hunter2'
  const { text } = createRedactor([secret])
  for (const user of ['', 'a', 'ab', 'abc', 'user:', 'longer-user:']) {
    for (const after of ['', 'x', 'xy', '\n']) {
      const encoded = base64(user + secret + after)
      for (const form of [encoded, encoded.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')]) {
        const shown = text(form)
        assert.match(shown, /\[REDACTED\]/, form)
        // all that is left besides the neighbours is a part of the first and of the last character
        const left = Buffer.from(shown.split('[REDACTED]').join(''), 'base64').toString('latin1')
        assert.doesNotMatch(left, /unter|>>|\?\?/)
      }
    }
  }
})

test('a long secret is found in base64 that was wrapped into lines', () => {
  const secret = Array.from({ length: 40 }, (_, index) => `part-${index}!`).join('')
  const { text } = createRedactor([secret])
  for (const width of [76, 64]) {
    const lines = base64(secret).match(new RegExp(`.{1,${width}}`, 'g')) ?? []
    assert.equal(text(lines.join('\n')), lines.map(() => '[REDACTED]').join('\n'))
  }
})

test('the lines of a secret are found one by one, from 8 characters on', () => {
  const { text } = createRedactor(['-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\nshort\nlast-line-of-it\n'])
  assert.equal(text('x MIIEvQIBADANBgkq y short z'), 'x [REDACTED] y short z')
  assert.equal(text('{"key":"-----BEGIN KEY-----\\nMIIE"}'), '{"key":"[REDACTED]\\nMIIE"}')
  assert.equal(text('last-line-of-it'), '[REDACTED]')
})

test('a secret that was stored with a line break at its end is found without it', () => {
  assert.equal(createRedactor(['  token-0123\n']).text('Bearer token-0123;'), 'Bearer [REDACTED];')
})

test('where secrets overlap, touch or contain each other nothing of any is left, and one mark stands for all', () => {
  const { text } = createRedactor(['abcdefgh', 'efghijkl', 'cdef', 'mnopqrst'])
  assert.equal(text('<abcdefghijkl>'), '<[REDACTED]>')
  assert.equal(text('<abcdefghmnopqrst>'), '<[REDACTED]>')
  assert.equal(text('<abcdefgh mnopqrst>'), '<[REDACTED] [REDACTED]>')
  assert.equal(text('<abcdefg>'), '<ab[REDACTED]g>')
})

test('values of less than 4 bytes are not looked for, nor is nothing', () => {
  const { text, json, stream } = createRedactor(['', 'a', 'abc'])
  assert.equal(text('a abc'), 'a abc')
  assert.deepEqual(json({ abc: 'abc' }), { abc: 'abc' })
  assert.equal(Buffer.from(stream().write('abc')).toString(), 'abc')
  assert.equal(createRedactor([]).text('text'), 'text')
})

test('in JSON texts, names and numbers are redacted, and everything else is as it was', () => {
  const { json } = createRedactor(['12345678', 'secret-name'])
  const given = {
    list: ['x 12345678', 12345678, 1234567, null, true],
    'a secret-name': { deep: 'secret-name' },
  }
  assert.deepEqual(json(given), {
    list: ['x [REDACTED]', '[REDACTED]', 1234567, null, true],
    'a [REDACTED]': { deep: '[REDACTED]' },
  })
  assert.deepEqual(json(JSON.parse('{"__proto__":{"a":1}}')), JSON.parse('{"__proto__":{"a":1}}'))
})

test('the first values are searched like those that follow, short or long', () => {
  const clean = { status: 'armed', more: ['a token', 7] }
  for (let earlier = 0; earlier < 7; earlier++) {
    const { json, prepare } = createRedactor(['a token, of three words', 'plain-token_1'])
    prepare()
    for (let n = 0; n < earlier; n++) assert.equal(json(clean), clean)
    const [form, echo] = ['a%20token,%20of%20three%20words', Buffer.from('<plain-token_1>').toString('hex')]
    assert.deepEqual(json({ form, echo }), { form: '[REDACTED]', echo: '3c[REDACTED]3e' })
    const long = 'x'.repeat(10_000)
    assert.deepEqual(json([`${long}plain-token_1`, clean]), [`${long}[REDACTED]`, clean])
  }
})

test('JSON nested deeper than can be looked through is left out, not let through', () => {
  let nested: unknown = 'secret-name'
  for (let level = 0; level < 100_000; level++) nested = [nested]
  const { json } = createRedactor(['secret-name'])
  assert.doesNotMatch(JSON.stringify(json(nested)), /secret-name/)
})

test('a text that was cut within a secret does not show its beginning', () => {
  const { text } = createRedactor(['hunter2-hunter2'])
  assert.equal(text('the key is hunter2-h'), 'the key is hunter2-h')
  assert.equal(text('the key is hunter2-h', { isCut: true }), 'the key is [REDACTED]')
  assert.equal(text('the key is hu', { isCut: true }), 'the key is hu')
})

test('a stream gives out at once what cannot be the beginning of a secret', () => {
  const { write, end } = createRedactor(['secret-name']).stream()
  const shown = (bytes: Uint8Array) => Buffer.from(bytes).toString()
  assert.equal(shown(write('hello, ')), 'hello, ')
  assert.equal(shown(write('x sec')), 'x ')
  assert.equal(shown(write('ond secret-')), 'second ')
  assert.equal(shown(write('name!')), '[REDACTED]!')
  assert.equal(shown(write('se')), '')
  assert.equal(shown(end()), 'se')
})

test('a growing redactor takes out what was noted, from then on', () => {
  const known = createGrowingRedactor(['of-the-process'])
  assert.equal(known.text('of-the-process of-a-run'), '[REDACTED] of-a-run')
  known.note('of-a-run')
  assert.equal(known.text('of-the-process of-a-run'), '[REDACTED] [REDACTED]')
})

test('of many noted values all are taken out, whole where they overlap, until the oldest are forgotten', () => {
  const known = createGrowingRedactor(['of-the-process'])
  const value = (n: number) => `value-${n}-of-many`
  for (let n = 0; n < 500; n++) known.note(value(n))
  // of groups of their own
  known.note('of-many value-499')
  assert.equal(
    known.text('of-the-process value-0-of-many value-250-of-many'),
    '[REDACTED] [REDACTED] [REDACTED]',
  )
  assert.equal(known.text('a value-0-of-many value-499-of-many b'), 'a [REDACTED] b')
  for (let n = 500; n < 600; n++) known.note(value(n))
  assert.equal(known.text(value(0)), value(0))
  assert.equal(known.text(`of-the-process ${value(599)}`), '[REDACTED] [REDACTED]')
  known.note(value(0))
  assert.equal(known.text(value(0)), '[REDACTED]')
})

test('a value that is noted costs the same however many were noted before', () => {
  const known = createGrowingRedactor([])
  const costOf = (from: number) => {
    const start = process.threadCpuUsage()
    for (let n = from; n < from + 64; n++) {
      known.note(`secret "${n}" of/a <job> ü ${n ** 5}`)
      known.text('a line of the log')
    }
    const { user, system } = process.threadCpuUsage(start)
    return (user + system) / 1_000
  }
  costOf(0)
  const few = costOf(64)
  for (let n = 128; n < 448; n++) known.note(`secret "${n}" of/a <job> ü ${n ** 5}`)
  known.text('a line of the log')
  const many = costOf(448)
  assert.ok(many < 3 * few, `${few} ms, and ${many} ms with many`)
})

// Few letters, so that values overlap, repeat themselves and begin alike.
const letters = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '"', 'ü', '\n'),
  minLength: 4,
  maxLength: 12,
})
const secrets = fc.array(letters, { minLength: 1, maxLength: 4 })

/** Text with the secrets in it, whole and in parts, as they are and encoded. */
const textWith = (values: string[]) => {
  const forms = values.flatMap((value) => [
    value,
    value.slice(1),
    value.slice(0, -1),
    ...formsOf(value).map(String),
  ])
  return fc
    .array(fc.oneof(fc.constantFrom(...forms), fc.string({ maxLength: 3 }), letters))
    .map((all) => all.join(''))
}
const cases = secrets.chain((values) =>
  fc.record({
    values: fc.constant(values),
    text: textWith(values),
    cuts: fc.array(fc.nat({ max: 400 }), { maxLength: 30 }),
  }),
)

test('any split into chunks gives what the whole gives', () => {
  fc.assert(
    fc.property(cases, ({ values, text, cuts }) => {
      const redactor = createRedactor(values)
      const bytes = Buffer.from(text)
      const places = [0, ...cuts.filter((cut) => cut < bytes.length), bytes.length].toSorted((a, b) => a - b)
      const stream = redactor.stream()
      const pieces = places.slice(1).map((to, index) => stream.write(bytes.subarray(places[index], to)))
      assert.equal(Buffer.concat([...pieces, stream.end()]).toString(), redactor.text(bytes.toString()))
    }),
    { numRuns: 500 },
  )
})

test('what is left is what no occurrence of any form covers, with one mark for each stretch', () => {
  fc.assert(
    fc.property(cases, ({ values, text }) => {
      const bytes = Buffer.from(text)
      const covered = new Uint8Array(bytes.length)
      for (const form of values.flatMap(formsOf))
        for (let from = bytes.indexOf(form); from >= 0; from = bytes.indexOf(form, from + 1))
          covered.fill(1, from, from + form.length)
      const expected = [...bytes].flatMap((byte, index) => {
        if (!covered[index]) return [byte]
        return covered[index - 1] ? [] : [...Buffer.from('[REDACTED]')]
      })
      assert.equal(createRedactor(values).text(bytes.toString()), Buffer.from(expected).toString())
    }),
    { numRuns: 500 },
  )
})

test('bytes that are no text come through a stream as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      const stream = createRedactor(['some-secret-value']).stream()
      const out = [...chunks.map((chunk) => stream.write(chunk)), stream.end()]
      assert.deepEqual(Buffer.concat(out), Buffer.concat(chunks))
    }),
  )
})

test('the time is linear, also where a long secret nearly occurs again and again', () => {
  const secret = `${'a'.repeat(16_000)}b`
  const took = (bytes: number) => {
    const redactor = createRedactor([secret, `${'a'.repeat(64)}c`])
    redactor.text('warm')
    const { write, end } = redactor.stream()
    const from = performance.now()
    // one byte at a time: whatever copied what is held back would copy 16 KB for each
    const piece = Buffer.from('a')
    for (let at = 0; at < bytes; at++) write(piece)
    end()
    return performance.now() - from
  }
  took(20_000)
  assertTook(took(200_000), 5_000)
})

test('the time is linear, also where a secret stands in a text a hundred thousand times', async () => {
  const redactor = createRedactor(['s3cr3t'])
  redactor.text('warm')
  let length = 0
  const cost = await processorMs(() => ({ length } = redactor.text('s3cr3t,'.repeat(100_000))))
  assert.equal(length, '[REDACTED],'.length * 100_000)
  assertCost(cost, 3_000)
})
