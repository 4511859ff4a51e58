import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { examples } from '../../routes/openapi/examples.ts'
import { openApiDocument } from '../../routes/openapi/index.ts'
import { keyOf } from '../support/key.ts'
import { routesConfig } from '../support/routes.ts'
import { type Service, startService } from '../support/service.ts'

type Operation = {
  operationId: string
  security: { apiKey?: [] }[]
  responses: Record<string, { headers?: Record<string, unknown> }>
}
const { paths } = openApiDocument(routesConfig) as { paths: Record<string, Record<string, Operation>> }
const calls = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method: method.toUpperCase(),
    ...operation,
  })),
)

let service: Service
before(async () => {
  service = await startService({
    env: { ENCRYPTION_KEY: keyOf(1).toString('base64'), RATE_LIMIT_PER_MINUTE: '1000' },
  })
})
after(() => service.close())

test('each example of a request is taken, and its answer has the headers that the document names', async () => {
  const { id } = await service.makeJob({ key: 'known' })
  const values: Record<string, string> = { id, key: 'nightly', name: 'TEAM' }
  // a channel is there before it is named, and a paused job is not run
  const place = ({ operationId }: Operation) =>
    operationId === 'putChannel' ? -1 : Number(operationId === 'pauseJob')
  const sent = calls
    .filter(
      ({ operationId, security }) => examples[operationId]?.request && security.some(({ apiKey }) => apiKey),
    )
    .toSorted((one, other) => place(one) - place(other))
  assert.ok(sent.length >= 10)
  for (const { path, method, operationId, responses } of sent) {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? '')
    const at = path.includes('channels') ? filled.toLowerCase() : filled
    const { status, headers, body } = await service.api(method, at, examples[operationId]?.request)
    assert.ok(status < 300, `${operationId}: ${status} ${JSON.stringify(body)}`)
    const named = Object.keys(responses[status]?.headers ?? {}).filter(
      (name) => name !== 'Idempotency-Replayed',
    )
    const missing = named.filter((name) => !headers.has(name))
    assert.deepEqual(missing, [], `${operationId} ${status}`)
  }
})

test('every operation that takes fields shows an example, and every operation has a tag and a description', () => {
  const { tags } = openApiDocument(routesConfig) as { tags: { name: string }[] }
  const known = new Set(tags.map(({ name }) => name))
  for (const call of calls as unknown as { operationId: string; tags: string[]; description: string }[]) {
    assert.ok(call.tags.length === 1 && known.has(call.tags[0] ?? ''), call.operationId)
    assert.ok(call.description.length > 10, call.operationId)
  }
})
