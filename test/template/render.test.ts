import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../../src/ground/errors.ts'
import { render, renderJson, wholeName } from '../../src/template/index.ts'

const values = {
  slot: '2026-06-18T12:00:00.000Z',
  attempt: 2,
  'job.name': 'a "job"',
  input: { user: { name: 'Ann', tags: ['a', 'b'], none: null }, '': 'empty', 'a-b': 1 },
  'last.output': null,
  'secrets.TOKEN': 'top',
}

const texts: { template: string; text: string }[] = [
  { template: '', text: '' },
  { template: 'no template } { } here', text: 'no template } { } here' },
  { template: '{{slot}}', text: '2026-06-18T12:00:00.000Z' },
  { template: 'a {{ attempt }}/{{attempt}} b', text: 'a 2/2 b' },
  { template: '{{job.name}}', text: 'a "job"' },
  { template: '{"a":{{attempt}}}', text: '{"a":2}' },
  { template: '<{{last.output}}>', text: '<>' },
  { template: '<{{slots}}>', text: '<>' },
  { template: '{{input.user.name}}', text: 'Ann' },
  { template: '{{input.user.tags}} {{input.user.tags.1}}', text: '["a","b"] b' },
  { template: '<{{input.user.none}}{{input.user.none.more}}{{input.absent}}>', text: '<>' },
  { template: '{{input.a-b}}', text: '1' },
  { template: '{{"{{"}}slot}} is a template {{ "}}" }}', text: '{{slot}} is a template }}' },
]

for (const { template, text } of texts) {
  test(`${JSON.stringify(template)} becomes ${JSON.stringify(text)}`, () => {
    assert.equal(render(template, values), text)
  })
}

const inherited = [
  'input.constructor',
  'input.__proto__',
  'input.user.tags.length',
  'input.user.name.length',
  'input.user.toString.name',
  'constructor.name',
  '__proto__',
]

for (const name of inherited) {
  test(`{{${name}}} reaches nothing that an object inherits`, () => {
    assert.equal(render(`<{{${name}}}>`, values), '<>')
    assert.equal(renderJson(`{{${name}}}`, values), null)
  })
}

test('a field called __proto__ stays a field, in a value and in a body', () => {
  const input: unknown = JSON.parse('{"__proto__":{"isAdmin":true}}')
  assert.equal(render('{{input.__proto__.isAdmin}}', { input }), 'true')
  const made = renderJson(JSON.parse('{"__proto__":"{{attempt}}"}'), values) as object
  assert.equal(JSON.stringify(made), '{"__proto__":2}')
  assert.equal(Object.getPrototypeOf(made), Object.prototype)
})

test('only values are encoded, not what the author wrote', () => {
  assert.equal(render('/a b/{{input}}', { input: 'c/d' }, { encode: encodeURIComponent }), '/a b/c%2Fd')
})

test('a value is never read as a template', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const given = { input: `{{secrets.TOKEN}}${text}`, 'secrets.TOKEN': 'top' }
      assert.equal(render('{{input}}', given), given.input)
      assert.deepEqual(renderJson(['{{input}}', 'x{{input}}'], given), [given.input, `x${given.input}`])
    }),
  )
})

test('a text without two braces stays as it is', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.includes('{{'))
      assert.equal(render(text, {}), text)
    }),
  )
})

test('any text comes out as itself if its double braces are written as templates', () => {
  const braces = fc.string({ unit: fc.constantFrom('{', '}', '"', ' ', 'slot', 'é') })
  fc.assert(
    fc.property(fc.oneof(braces, fc.string()), (text) => {
      const written = text.replaceAll('{{', '{{"{{"}}')
      assert.equal(render(written, values), text)
      assert.deepEqual(renderJson({ a: [written] }, values), { a: [text] })
      assert.equal(wholeName(written), null)
    }),
  )
})

test('in JSON a text that is one template becomes the value, with its type', () => {
  const body = {
    all: '{{input}}',
    number: '{{ attempt }}',
    none: '{{last.output}}',
    text: 'attempt {{attempt}}',
    kept: [1, null, true, { deep: '{{input.user.tags}}' }],
    '{{attempt}}': 'the name of a field is no template',
  }
  assert.deepEqual(renderJson(body, values), {
    all: values.input,
    number: 2,
    none: null,
    text: 'attempt 2',
    kept: [1, null, true, { deep: ['a', 'b'] }],
    '{{attempt}}': 'the name of a field is no template',
  })
})

test('any JSON value survives as the value of a whole text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (input) => {
      const made = renderJson({ body: '{{input}}' }, { input })
      assert.equal(JSON.stringify(made), JSON.stringify({ body: input }))
    }),
  )
})

const mebibyte = 1024 * 1024

test('a result of 1 MiB is made, and one of a byte more is refused', () => {
  const input = 'ü'.repeat(mebibyte / 2 - 1)
  assert.equal(Buffer.byteLength(render('{{input}}ab', { input })), mebibyte)
  assert.throws(() => render('{{input}}abc', { input }), isTooLarge)
  assert.throws(() => render('{{input}}', { input: [input] }), isTooLarge)
})

test('the texts of a JSON value count together', () => {
  const input = 'x'.repeat(mebibyte / 4)
  assert.ok(renderJson(['{{input}}', 'a{{input}}', { b: '{{input}}' }], { input }))
  assert.throws(
    () =>
      renderJson(
        Array.from({ length: 5 }, () => '{{input}}'),
        { input },
      ),
    isTooLarge,
  )
  assert.throws(
    () =>
      renderJson(
        Array.from({ length: 5 }, () => ({ a: '{{input}}!' })),
        { input },
      ),
    isTooLarge,
  )
})

test('what is nested deeper than 64 is refused', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 'x' : [nested(depth - 1)])
  assert.ok(renderJson(nested(64), {}))
  assert.throws(() => renderJson(nested(65), {}), AppError)
})

function isTooLarge(error: unknown): boolean {
  return error instanceof AppError && error.code === 'FIELD_INVALID' && /1048576 bytes/.test(error.message)
}
