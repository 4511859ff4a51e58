import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { toBuffer } from '../../dev/fuzz/bytes.ts'
import { callsOf } from '../../dev/fuzz/calls.ts'
import { imageSettings } from '../../dev/fuzz/image.ts'
import { readDescription } from '../../dev/fuzz/operations.ts'
import { valuesOf } from '../../dev/fuzz/schema.ts'
import { openApiDocument } from '../../routes/openapi/index.ts'

type Paths = { paths: Record<string, Record<string, unknown>> }
const document = JSON.parse(JSON.stringify(openApiDocument({ version: '1', metricsHere: true }))) as Paths

test('every route of the OpenAPI document gets requests', () => {
  const description = readDescription(document)
  const keys = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const sent = fc.sample(callsOf(description), { numRuns: 2_000, seed: 1 }).map(({ key }) => key)
  assert.deepEqual([...new Set(sent)].toSorted(), keys.toSorted())
})

test('the same seed gives the same requests', () => {
  const calls = callsOf(readDescription(document))
  const sample = () => JSON.stringify(fc.sample(calls, { numRuns: 50, seed: 7 }))
  assert.equal(sample(), sample())
})

const refused: [what: string, operation: object][] = [
  ['the path parameter {colour}', {}],
  ['a parameter in cookie', { parameters: [{ name: 'a', in: 'cookie', schema: {} }] }],
  ['a body of text/csv', { requestBody: { content: { 'text/csv': { schema: {} } } } }],
  ['the security scheme cookie', { security: [{ cookie: [] }] }],
]
for (const [what, more] of refused) {
  test(`a route with ${what} is refused, not left out`, () => {
    const path = what.includes('{colour}') ? '/api/paints/{colour}' : '/api/paints'
    const paths = { [path]: { get: { security: [], ...more } } }
    assert.throws(() => readDescription({ paths, components: { schemas: {} } }), {
      message: new RegExp(escaped(what)),
    })
  })
}

test('a schema with a keyword that nothing is generated for is refused', () => {
  assert.throws(() => valuesOf({ type: 'string', contentEncoding: 'base64' }, {}), /contentEncoding/)
})

test('heap and flags are read from the files that make the image', async () => {
  const [dockerfile, fly] = [await readFile('Dockerfile', 'utf8'), await readFile('fly.toml', 'utf8')]
  const image = imageSettings(dockerfile, fly)
  assert.ok(dockerfile.includes(`NODE_OPTIONS="${image.nodeOptions}" PORT=`))
  assert.ok(image.flags.every((flag) => dockerfile.includes(`"${flag}"`)) && image.flags.length > 0)
  assert.ok(fly.includes(`memory = "${image.memoryMb}mb"`))
  assert.throws(() => imageSettings('FROM scratch', fly), /does not set NODE_OPTIONS/)
})

test('bytes of a saved case are exact', () => {
  const bytes = toBuffer(
    ['a@@x@@', { hex: 'ff00' }, { repeat: 'b', times: 2 }, { each: '#,', times: 3 }],
    (piece) => piece.replace('@@x@@', 'X'),
  )
  assert.equal(bytes.toString('latin1'), 'aX\u00ff\u0000bb0,1,2,')
})

function escaped(what: string): string {
  return what.replaceAll(/[{}]/g, '\\$&')
}
