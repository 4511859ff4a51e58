import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bundle, eagerPackages } from '../../dev/build/bundle.ts'
import { startCollector } from '../../dev/collector/index.ts'
import { setup, useRelease } from '../fly/setup.ts'

useRelease()

test('a machine pushes before it goes, also what it has done after its 202; a dead collector keeps none up', async (context) => {
  const collector = await startCollector()
  context.after(() => collector.close())
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_TIMEOUT: '500' }
  const { fly, makeJob, runNow, ended, down } = await setup(context, { env })
  const job = await makeJob()
  await down()
  const runId = await runNow(job.id)
  await ended(job.id, runId)
  await down(2)
  const spans = collector.pushed
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ message }) => message.resourceSpans[0].scopeSpans[0].spans as { name: string }[])
  assert.ok(spans.some(({ name }) => name === 'attempt http'))
  assert.ok(spans.some(({ name }) => name === 'settle'))
  assert.ok(collector.pushed.some(({ path }) => path === '/v1/metrics'))

  collector.answer(null)
  await ended(job.id, await runNow(job.id))
  await down(3)
  const exits = fly.events.filter(({ what }) => what === 'exit').map(({ detail }) => detail)
  assert.deepEqual(new Set(exits), new Set(['0']))
  assert.ok(fly.machines.some(({ lines }) => lines.some((line) => line.includes('took nothing'))))
})

test('nothing of prom-client, of the push or of traces is loaded with the service', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-eager-'))
  context.after(() => rm(folder, { recursive: true }))
  const metafile = await bundle(['src/app.ts'], folder)
  assert.ok(!eagerPackages(metafile, 'src/app.ts').includes('prom-client'))
  const reached = new Set(['src/app.ts'])
  for (const path of reached)
    for (const found of metafile.inputs[path]?.imports ?? [])
      if (found.kind !== 'dynamic-import' && !found.external) reached.add(found.path)
  assert.ok(reached.has('src/telemetry/tally.ts'))
  const late = ['exposition', 'push', 'protobuf', 'otlp', 'spans']
  for (const name of late) assert.ok(!reached.has(`src/telemetry/${name}.ts`), name)
})
