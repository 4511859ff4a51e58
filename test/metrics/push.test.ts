import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type Collector, type Message, type Pushed, startCollector } from '../../dev/collector/index.ts'
import { ConfigError, readConfig } from '../../src/ground/config.ts'
import { loadPush, loadTracer } from '../../src/telemetry/index.ts'
import { placesOf } from '../../src/ground/config-places.ts'
import { startService } from '../support/service.ts'

/** A service that pushes to a collector of its own, at its end at the latest. */
async function setup(context: TestContext, env: Record<string, string> = {}) {
  const collector = await startCollector()
  const tracer = await loadTracer(1)
  const service = await startService({
    clock: '2026-06-18T08:59:58Z',
    tracer,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env },
  })
  let isOpen = true
  const leave = async () => {
    if (isOpen) await service.close()
    isOpen = false
  }
  context.after(async () => {
    await leave()
    await collector.close()
  })
  return { collector, service, leave }
}

const lastOf = ({ pushed }: Collector, path: string): Pushed =>
  pushed.findLast((one) => one.path === path) ?? assert.fail(`nothing came to ${path}`)

function attributesOf({ attributes }: Message): Record<string, unknown> {
  return Object.fromEntries(
    (attributes as Message[]).map(({ key, value }: Message) => [
      key,
      value.stringValue ?? value.intValue ?? value.boolValue,
    ]),
  )
}

function metricsIn({ message }: Pushed) {
  const [ofService, ofProcess] = message.resourceMetrics
  const named = (part: Message) =>
    new Map<string, Message>(
      (part.scopeMetrics[0].metrics as Message[]).map((metric) => [metric.name, metric]),
    )
  return { ofService, ofProcess, service: named(ofService), process: named(ofProcess) }
}

for (const protocol of ['http/protobuf', 'http/json'])
  test(`${protocol}: before it goes, a process pushes its metrics and its traces, and the definitions read them`, async (context) => {
    const { collector, service, leave } = await setup(context, {
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc-123456,x-team=a',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=other',
      OTEL_SERVICE_NAME: 'cron',
    })
    const job = await service.makeJob({
      deliver: [{ type: 'healthcheck', url: `${service.target.url}/ping` }],
    })
    service.setClock('2026-06-18T09:00:01Z')
    assert.equal((await service.fire({ job_id: job.id })).status, 202)
    await service.target.waitFor((calls) => calls.some(({ path }) => /^\/ping(?:\?|$)/.test(path)), 20_000)
    await leave()

    const metrics = lastOf(collector, '/v1/metrics')
    assert.deepEqual([metrics.headers.authorization, metrics.headers['x-team']], ['Bearer abc-123456', 'a'])
    const { ofService, ofProcess, service: kept, process } = metricsIn(metrics)
    assert.deepEqual(attributesOf(ofService.resource), {
      'deployment.environment.name': 'test',
      'service.name': 'cron',
      'service.version': '0.1.0',
    })
    assert.equal(attributesOf(ofProcess.resource)['service.instance.id'], 'local')
    const fires = kept.get('chronos_fires_total')
    assert.deepEqual([fires.sum.aggregationTemporality, fires.sum.isMonotonic], [2, true])
    const accepted = (fires.sum.dataPoints as Message[]).find(
      (point) => attributesOf(point)['answer'] === 'accepted',
    )
    assert.equal(accepted.asDouble, 1)
    const [claims] = kept.get('chronos_claim_duration_seconds').histogram.dataPoints
    assert.deepEqual([claims.count, claims.bucketCounts.length], ['1', claims.explicitBounds.length + 1])
    const inBuckets = (claims.bucketCounts as string[]).reduce((sum, count) => sum + Number(count), 0)
    const bounds = claims.explicitBounds as number[]
    assert.deepEqual([inBuckets, bounds[0], bounds.at(-1)], [1, 0.001, 5])
    assert.ok(claims.sum > 0 && Number(claims.timeUnixNano) > 1.7e18)
    assert.equal(
      process.get('chronos_process_places').gauge.dataPoints[0].asDouble,
      placesOf({ maxConcurrentRuns: null }),
    )

    const [{ resource, scopeSpans }] = lastOf(collector, '/v1/traces').message.resourceSpans
    assert.equal(attributesOf(resource)['service.name'], 'cron')
    const spans: Message[] = scopeSpans[0].spans
    const idOf = (id: unknown) =>
      Buffer.from(id as Buffer).toString(protocol === 'http/json' ? 'utf8' : 'hex')
    const fire = spans.find(({ name }) => name === 'fire')
    const ofFire = spans.filter(({ traceId }) => idOf(traceId) === idOf(fire.traceId))
    const names = ofFire.map(({ name }) => String(name)).filter((name) => !name.startsWith('db '))
    assert.deepEqual(new Set(names), new Set(['fire', 'claim', 'arm', 'attempt http', 'settle', 'delivery']))
    for (const span of ofFire) {
      assert.equal(idOf(span.spanId).length, 16)
      if (span !== fire)
        assert.ok(
          spans.some(({ spanId }) => idOf(spanId) === idOf(span.parentSpanId)),
          span.name,
        )
      assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano))
    }
    assert.deepEqual(
      [fire.kind, attributesOf(fire)['http.response.status_code'], attributesOf(fire)['faas.trigger']],
      [2, '202', 'timer'],
    )
    const attempt = ofFire.find(({ name }) => name === 'attempt http')
    assert.deepEqual(
      [attributesOf(attempt)['http.response.status_code'], attributesOf(attempt)['server.address']],
      ['200', '127.0.0.1'],
    )

    // the target got the step that its call is in
    const call = service.target.calls.find(({ path }) => path === '/hook')
    assert.equal(call?.headers['traceparent'], `00-${idOf(fire.traceId)}-${idOf(attempt.spanId)}-01`)
  })

test('a collector that is dead costs no run, little time at the exit, and one line of the log', async (context) => {
  const { collector, service, leave } = await setup(context, { OTEL_EXPORTER_OTLP_TIMEOUT: '300' })
  collector.answer(null)
  const job = await service.makeJob()
  service.setClock('2026-06-18T09:00:01Z')
  assert.equal((await service.fire({ job_id: job.id })).status, 202)
  await service.target.waitFor(1)
  await leave()
  assert.deepEqual(collector.pushed, [])
})

test('without a collector nothing is traced: no target gets a traceparent', async (context) => {
  const service = await startService({ clock: '2026-06-18T09:00:01Z' })
  context.after(() => service.close())
  const job = await service.makeJob()
  await service.api('POST', `/api/jobs/${job.id}/run`)
  const [call] = await service.target.waitFor(1)
  assert.equal(call?.headers['traceparent'], undefined)
})

test('a collector that takes nothing is logged once, and again after it has taken something', async (context) => {
  const collector = await startCollector()
  context.after(() => collector.close())
  const { telemetry } = readConfig({
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url}/v1/metrics`,
  })
  assert.equal(telemetry.tracesUrl, null)
  const lines: string[] = []
  const { push } = await loadPush({
    to: telemetry,
    origin: { resource: {}, version: '1', instance: 'm1' },
    families: async () => [],
    spans: () => [],
    log: {
      warn: (fields, message) => void lines.push(`${message}: ${String((fields as Message).err.message)}`),
    },
  })
  const told = 'the collector of metrics and traces took nothing'
  for (const status of [503, 503, 200, 404]) {
    collector.answer(status)
    await push()
  }
  assert.deepEqual(lines, [
    `${told}: ${collector.url} answered 503`,
    `${told}: ${collector.url} answered 404`,
  ])
})

test('a trace that the sampler drops is dropped as a whole, and its targets are told so', async () => {
  const wish = { name: 'a', kind: 'internal', attributes: {} } as const
  const none = await loadTracer(0)
  const parent = await none.during(wish, () => none.during(wish, async () => none.parent()))
  assert.match(parent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  assert.deepEqual([none.take(), none.parent()], [[], null])

  const some = await loadTracer(0.25)
  for (let traces = 0; traces < 2_000; traces++)
    await some.during(wish, () => some.during(wish, async () => {}))
  const byTrace = Map.groupBy(some.take(), ({ traceId }) => traceId)
  assert.ok(byTrace.size > 350 && byTrace.size < 650, `${byTrace.size} of 2,000`)
  assert.ok([...byTrace.values()].every(({ length }) => length === 2))
})

test('spans that no collector takes do not pile up', async () => {
  const tracer = await loadTracer(1)
  for (let spans = 0; spans < 3_000; spans++) tracer.note({ name: 'a', kind: 'client', attributes: {} }, 1)
  assert.equal(tracer.take().length, 2_048)
  assert.equal(tracer.take().length, 0)
})

test('the variables of OpenTelemetry are read as it says; wrong ones are told without their secrets', () => {
  const whole = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.internal:4318/otlp/' }
  const { metricsUrl, tracesUrl } = readConfig(whole).telemetry
  assert.deepEqual(
    [metricsUrl, tracesUrl],
    ['http://collector.internal:4318/otlp/v1/metrics', 'http://collector.internal:4318/otlp/v1/traces'],
  )
  assert.equal(readConfig({ ...whole, OTEL_SDK_DISABLED: 'true' }).telemetry.metricsUrl, null)
  const sampled = (sampler: string, arg = '0.5') =>
    readConfig({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: arg }).telemetry.traced
  assert.deepEqual(
    [sampled('always_off'), sampled('parentbased_traceidratio'), sampled('parentbased_always_on')],
    [0, 0.5, 1],
  )
  const wrong = {
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization Bearer hunter2hunter2',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER_ARG: '2',
  }
  assert.throws(
    () => readConfig(wrong),
    (error) =>
      error instanceof ConfigError &&
      Object.keys(wrong).every((name) => error.message.includes(name)) &&
      !error.message.includes('hunter2'),
  )
})
