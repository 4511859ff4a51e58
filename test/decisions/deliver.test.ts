import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliverAgain, type Sent, settleDelivery, releaseDelivery } from '../../src/decisions/index.ts'
import { at, createModel, iso, type KeptDelivery, type Model, type ModelOptions } from './model.ts'

const failed = { state: 'failed', error: { code: 'HTTP_STATUS', message: 'answered 500' } } as const
const succeeded = (output?: string) => ({
  state: 'succeeded' as const,
  ...(output !== undefined && { output }),
})
const delivered: Sent = { state: 'delivered' }
const again = (retryAfterMs?: number): Sent => ({
  state: 'retry',
  error: { code: 'TIMEOUT', message: '20 s are over' },
  ...(retryAfterMs !== undefined && { retryAfterMs }),
})

/** One run after the other, each told at once: the deliveries' lines of each. */
function runs(options: ModelOptions, outcomes: Parameters<Model['settle']>[0][]): string[][] {
  const model = createModel(options)
  return outcomes.map((outcome, hour) => {
    const before = model.deliveryLines().length
    model.fire(`${String(hour + 9).padStart(2, '0')}:00`)
    model.settle(outcome)
    while (model.view().deliveries.length > 0) model.delivered(delivered)
    return model.deliveryLines().slice(before)
  })
}

const events = (on: unknown, outcomes: Parameters<Model['settle']>[0][]) =>
  runs({ deliver: { channel: 'team', on } }, outcomes).map((lines) => lines.map((line) => line.split(' ')[1]))

const incident = [succeeded(), failed, failed, succeeded(), succeeded(), failed]
const s = ['success']
const f = ['failure']
const r = ['recovery']

for (const [on, told] of [
  ['always', [s, f, [], r, s, f]],
  [undefined, [s, f, [], r, s, f]],
  ['success', [s, [], [], r, s, []]],
  ['failure', [[], f, [], [], [], f]],
  ['recovery', [[], [], [], r, [], []]],
  [
    ['failure', 'recovery'],
    [[], f, [], r, [], f],
  ],
  [
    ['success', 'failure'],
    [s, f, [], r, s, f],
  ],
] as const) {
  test(`on ${JSON.stringify(on)}: a failure is told once per incident, and its end once`, () => {
    assert.deepEqual(events(on, [...incident]), told)
  })
}

test('an output is silent when it is, or begins or ends with a line that is, [SILENT] or NO_REPLY', () => {
  for (const word of ['[SILENT]', 'NO_REPLY']) {
    for (const output of [
      word,
      ` ${word} `,
      `\n\n${word}\n`,
      `${word}\nnothing new`,
      `nothing new\n  ${word}\r\n`,
      `${word}\r\nmore`,
    ])
      assert.deepEqual(events('success', [succeeded(output)]), [[]], JSON.stringify(output))
  }
})

test('an output is not silent for a word inside of a line, in the middle, or in lower case', () => {
  const loud = [
    '',
    'report',
    'NO_REPLY: why',
    'it said [SILENT]',
    'a\n[SILENT]\nb',
    '[silent]',
    'no_reply',
    'NO_REPLYx',
    '[SILENT] [SILENT]',
  ]
  for (const output of loud)
    assert.deepEqual(events('success', [succeeded(output)]), [s], JSON.stringify(output))
})

test('every way to fail belongs to the same incident', () => {
  const outcomes = [{ state: 'timed_out' as const }, { state: 'interrupted' as const }, failed]
  assert.deepEqual(events('always', outcomes), [f, [], []])
})

test('a failure that is tried again is told when its last attempt has failed', () => {
  const retry = {
    attempts: 2,
    backoff: 'fixed' as const,
    delayMs: 60_000,
    maxDelayMs: 60_000,
    on: ['failed' as const],
  }
  const model = createModel({ deliver: 'team', policy: { retry } })
  model.fire('09:00')
  model.settle(failed)
  assert.deepEqual(model.deliveryLines(), [])
  model.fire('09:01')
  model.settle(failed)
  assert.deepEqual(model.deliveryLines(), ['team failure pending 1'])
})

test('changed: a success is told where its output is another than that of the success before', () => {
  const outputs = ['a', 'a', 'b', 'a'].map(succeeded)
  assert.deepEqual(events('changed', outputs), [s, [], s, s])
})

test('changed: a failure in between changes nothing, and no output is an output as well', () => {
  assert.deepEqual(events('changed', [succeeded('a'), failed, succeeded('a'), succeeded(), succeeded()]), [
    s,
    [],
    [],
    s,
    [],
  ])
})

test('the hash of the output is kept only where somebody asks for it', () => {
  for (const [on, kept] of [
    ['success', false],
    ['changed', true],
  ] as const) {
    const model = createModel({ deliver: { channel: 'team', on } })
    model.fire('09:00')
    model.settle(succeeded('a'))
    assert.equal(model.runtime().outputHash !== null, kept, on)
  }
})

for (const output of [
  '[SILENT]',
  'NO_REPLY',
  ' \n[SILENT]\n\n',
  '[SILENT]\nall is well',
  'all is well\n[SILENT]',
  'all is well\r\nNO_REPLY\r\n',
]) {
  test(`an output that is, begins or ends with the word is kept silent: ${JSON.stringify(output)}`, () => {
    assert.deepEqual(events('always', [succeeded(output)]), [[]])
    assert.deepEqual(events('changed', [succeeded(output)]), [[]])
  })
}

for (const output of ['[SILENT] all is well', 'one\n[SILENT]\nthree', '[silent]', 'NO_REPLY.', ''])
  test(`an output that says it otherwise is told: ${JSON.stringify(output)}`, () => {
    assert.deepEqual(events('always', [succeeded(output)]), [s])
  })

test('a failure is never silenced, and the end of an incident is not where somebody asks for it', () => {
  const silent = { ...failed, output: '[SILENT]' }
  assert.deepEqual(events('always', [silent, succeeded('[SILENT]')]), [f, r])
  assert.deepEqual(events('success', [silent, succeeded('[SILENT]')]), [[], []])
})

const ping = { type: 'healthcheck', url: 'https://hc.example/ping' }

test('a health check hears of every run, of failures in a row and of silent ones', () => {
  const outcomes = [failed, failed, succeeded('[SILENT]'), succeeded('[SILENT]')]
  const told = runs({ deliver: ping }, outcomes).flat()
  assert.deepEqual(told, [
    'healthcheck failure delivered 1',
    'healthcheck failure delivered 1',
    'healthcheck recovery delivered 1',
    'healthcheck success delivered 1',
  ])
})

test('a channel that is a health check is one, though the job names it only', () => {
  const channels = [{ name: 'beat', type: 'healthcheck', defaultOn: null }]
  assert.equal(runs({ deliver: 'beat', channels }, [failed, failed]).flat().length, 2)
  assert.equal(runs({ deliver: 'beat', channels: [] }, [failed, failed]).flat().length, 1)
})

test('nobody is told of a run that was cancelled, skipped, or had nothing to do', () => {
  const dependents = [{ id: 'bbbbbbbbbbbb', on: ['always'] }]
  const model = createModel({ deliver: [ping, 'team'], dependents, schedule: '* * * * *' })
  model.fire('09:00')
  model.fire('09:01')
  assert.match(model.runLines()[1] ?? '', /skipped/)
  model.cancel()
  model.fire('09:02')
  model.settle({ state: 'succeeded', skippedReason: 'the gate says no' })
  assert.deepEqual(model.deliveryLines(), [])
})

test('a run that had nothing to do does not end an incident', () => {
  const model = createModel({ deliver: 'team' })
  for (const [time, outcome] of [
    ['09:00', failed],
    ['10:00', { state: 'succeeded', skippedReason: 'nothing new' }],
    ['11:00', failed],
    ['12:00', succeeded()],
  ] as const) {
    model.fire(time)
    model.settle(outcome)
  }
  assert.deepEqual(
    model.deliveryLines().map((line) => line.split(' ')[1]),
    ['failure', 'recovery'],
  )
})

test('default channels are told where the job says nothing, as they ask, and nowhere else', () => {
  const channels = [
    { name: 'bad', type: 'slack', defaultOn: ['failure'] },
    { name: 'all', type: 'slack', defaultOn: ['always'] },
    { name: 'other', type: 'slack', defaultOn: null },
  ]
  const told = (deliver: unknown) => runs({ deliver, channels }, [succeeded(), failed])
  assert.deepEqual(told(null), [
    ['all success delivered 1'],
    ['bad failure delivered 1', 'all failure delivered 1'],
  ])
  assert.deepEqual(
    told('other')
      .flat()
      .map((line) => line.split(' ')[0]),
    ['other', 'other'],
  )
})

for (const deliver of ['none', 'local', 'origin', [], ['none']]) {
  test(`${JSON.stringify(deliver)} tells nobody, not even the default channels`, () => {
    const channels = [{ name: 'all', type: 'slack', defaultOn: ['always'] }]
    assert.deepEqual(runs({ deliver, channels }, [failed]), [[]])
  })
}

test('several are told in the order of the list, each under an id of its own', () => {
  const model = createModel({ deliver: ['one', { type: 'slack', url: 'x', on: 'failure' }, 'two'] })
  model.fire('09:00')
  model.settle(succeeded())
  assert.deepEqual(model.deliveryLines(), ['one success pending 1', 'two success pending 1'])
  const ids = [...model.deliveries.keys()]
  assert.equal(new Set(ids).size, 2)
  for (const id of ids)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('an end that is decided twice makes the same deliveries, and the end of another attempt makes others', () => {
  const make = (fence?: number) => {
    const model = createModel({ deliver: 'team' })
    model.fire('09:00')
    const run = model.theRun()
    if (fence !== undefined) run.fence = fence
    model.settle(succeeded())
    return [...model.deliveries.keys()]
  }
  assert.deepEqual(make(), make())
  assert.notDeepEqual(make(), make(7))
})

test('a target keeps what its author wrote, but for when it is told', () => {
  const model = createModel({
    deliver: { type: 'slack', url: '{{secrets.URL}}', template: 'x', on: ['success'] },
  })
  model.fire('09:00')
  model.settle(succeeded())
  const [kept] = model.deliveries.values()
  assert.deepEqual(kept?.target, { type: 'slack', url: '{{secrets.URL}}', template: 'x' })
})

/** A job with one delivery whose first try is held. */
function owing(options: ModelOptions = {}) {
  const model = createModel({ deliver: 'team', ...options })
  model.fire('09:00')
  model.settle(succeeded('done'))
  const [{ id }] = [...model.deliveries.values()] as [KeptDelivery]
  return { model, id, kept: () => model.deliveries.get(id) as KeptDelivery }
}

/** Seconds from now until the next try, which the wake time has to carry. */
function waitS({ model, kept }: ReturnType<typeof owing>): number {
  const { dueAt } = kept()
  assert.ok(dueAt)
  assert.equal(iso(model.wakeAt()), iso(dueAt), 'the wake time is the next try')
  return (dueAt.getTime() - model.now().getTime()) / 1000
}

test('while a try is held the wake time is the end of its lease and a margin', () => {
  const { model } = owing()
  assert.equal(iso(model.wakeAt()), '2026-06-18T09:01:02.000Z')
})

test('the end of a lease stays in the wake time whatever else becomes of the job meanwhile', () => {
  const { model } = owing()
  model.setTime('09:00:30')
  model.pause()
  assert.equal(iso(model.wakeAt()), '2026-06-18T09:01:02.000Z')
})

test('a delivery that has arrived leaves the wake time to the schedule', () => {
  const { model, kept } = owing()
  model.delivered(delivered)
  assert.deepEqual([kept().state, iso(model.wakeAt())], ['delivered', '2026-06-18T10:00:00.000Z'])
})

test('a receiver that does not take it is tried again after growing waits, until the last: then it has failed', () => {
  const story = owing({ schedule: '0 9 18 6 *' })
  const waits: number[] = []
  for (let tries = 1; ; tries++) {
    assert.equal(story.kept().attempt, tries)
    story.model.delivered(again())
    if (story.kept().state !== 'pending') break
    waits.push(waitS(story))
    story.model.fire(story.kept().dueAt?.toISOString())
  }
  assert.deepEqual(waits, [10, 60, 300, 1_800, 7_200, 21_600, 43_200, 43_200])
  const { state, attempt, error } = story.kept()
  assert.deepEqual([state, attempt, error?.code], ['failed', 9, 'TIMEOUT'])
})

test('a later wish of the receiver counts, an earlier one does not', () => {
  for (const [wishS, waits] of [
    [3_600, 3_600],
    [1, 10],
  ] as const) {
    const story = owing({ schedule: '0 9 18 6 *' })
    story.model.delivered(again(wishS * 1000))
    assert.equal(waitS(story), waits)
  }
})

test('a try is not made before it is due', () => {
  const { model, kept } = owing()
  model.delivered(again())
  assert.equal(model.fire('09:00:09'), null)
  assert.equal(kept().attempt, 1)
  model.fire('09:00:10')
  assert.equal(kept().attempt, 2)
})

for (const state of ['failed', 'disabled'] as const) {
  test(`${state}: there is no further try`, () => {
    const { model, kept } = owing()
    model.delivered({ state, error: { code: 'HTTP_STATUS', message: 'answered 404' } })
    assert.deepEqual([kept().state, kept().error?.code, kept().dueAt], ['failed', 'HTTP_STATUS', null])
  })
}

test('a lease that has lapsed is the next try, under the same id, and its first holder can change nothing any more', () => {
  const { model, id, kept } = owing()
  assert.equal(model.fire('09:00:59'), null)
  const decision = model.fire('09:01:02')
  assert.deepEqual(
    decision?.sends.map((one) => [one.id, one.attempt]),
    [[id, 2]],
  )
  for (const attempt of [1, 3]) {
    assert.equal(settleDelivery(model.view(), { id, attempt, result: delivered }), null)
    assert.equal(releaseDelivery(model.view(), { id, attempt }), null)
  }
  model.delivered(delivered)
  assert.deepEqual([kept().state, kept().attempt], ['delivered', 2])
})

test('a lease that lapses at the last try is a failure that says so', () => {
  const { model, kept } = owing({ schedule: '0 9 18 6 *' })
  for (let tries = 1; tries < 9; tries++) {
    model.delivered(again())
    model.fire(kept().dueAt?.toISOString())
  }
  model.fire(kept().leaseUntil?.toISOString())
  assert.deepEqual([kept().state, kept().attempt, kept().error?.code], ['failed', 9, 'LEASE_LAPSED'])
})

test('what is given back is due at once, and the try does not count', () => {
  const { model, id, kept } = owing()
  model.write(releaseDelivery(model.view(), { id, attempt: 1 }))
  assert.deepEqual(
    [kept().attempt, iso(kept().dueAt), iso(model.wakeAt())],
    [0, iso(at('09:00')), iso(at('09:00'))],
  )
  model.fire('09:00')
  assert.equal(kept().attempt, 1)
})

test('one that has failed is sent once more, under the same id', () => {
  const { model, id, kept } = owing()
  model.delivered({ state: 'failed', error: { code: 'HTTP_STATUS', message: 'answered 404' } })
  const decision = model.write(deliverAgain(model.view(), kept()))
  assert.deepEqual(
    decision?.sends.map((one) => [one.id, one.attempt]),
    [[id, 2]],
  )
  model.delivered(delivered)
  assert.deepEqual([kept().state, kept().error], ['delivered', null])
})

test('a job that is paused, and one that is finished, still tell what is owed', () => {
  const paused = owing()
  paused.model.delivered(again())
  paused.model.pause()
  assert.equal(waitS(paused), 10)
  paused.model.fire('09:00:10')
  assert.equal(paused.kept().attempt, 2)

  const finished = owing({ repeat: 1 })
  assert.equal(finished.model.runtime().state, 'completed')
  finished.model.delivered(again())
  assert.equal(waitS(finished), 10)
  finished.model.fire('09:00:10')
  finished.model.delivered(delivered)
  assert.deepEqual([finished.kept().state, finished.model.wakeAt()], ['delivered', null])
})

test('whatever becomes of a delivery, its run and the count of failures stay as they are', () => {
  const { model } = owing()
  const [run] = model.runs.values()
  const before = { run, ...model.runtime(), rev: 0 }
  model.delivered({ state: 'failed', error: { code: 'HTTP_STATUS', message: 'answered 404' } })
  assert.deepEqual({ run: [...model.runs.values()][0], ...model.runtime(), rev: 0 }, before)
})

test('a run that nobody ends is told as a failure when its lease has lapsed', () => {
  const model = createModel({ deliver: 'team' })
  model.fire('09:00')
  model.fire('09:05:02')
  assert.deepEqual(model.deliveryLines(), ['team failure pending 1'])
})
