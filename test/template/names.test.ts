import assert from 'node:assert/strict'
import { test } from 'node:test'
import { templateNames } from '../../src/delivery/senders/shared/names.ts'
import { AppError } from '../../src/ground/errors.ts'
import { actionNames, namesIn, render, templateProblems, wholeName } from '../../src/template/index.ts'
import { assertTook } from '../support/limits.ts'

const known = [
  ...['slot', 'attempt', 'trigger', 'now', 'job.id', 'job.name', 'run.id', 'input', 'last.output'],
  ...['last.run_id', 'input.a', 'input.a.0.b-c_d', 'secrets.TOKEN', 'secrets.A_1'],
]
const unknown = [
  ...['', 'Slot', 'slots', 'job', 'job.schedule', 'input.', 'input.a.', 'input..a', 'input.a b', 'inputs'],
  ...[
    'input.<path>',
    'secrets.<NAME>',
    'secrets',
    'secrets.',
    'secrets.A.B',
    'secrets.A-B',
    'secrets.token',
    'secrets._A',
    'secrets.1A',
    'run.state',
    'event',
  ],
  ...[
    'constructor',
    '__proto__',
    `input${'.a'.repeat(17)}`,
    `secrets.${'A'.repeat(300)}`,
    '{slot',
    '#if slot',
  ],
]

for (const name of known) {
  test(`{{${name}}} may stand in an action`, () => {
    assert.deepEqual(templateProblems(`a {{ ${name} }}`, { path: 'action.url', names: actionNames }), [])
  })
}

for (const name of unknown) {
  test(`{{${name.slice(0, 40)}}} may not stand in an action`, () => {
    const [problem, ...more] = templateProblems(`a {{${name}}}`, { path: 'action.url', names: actionNames })
    assert.deepEqual(more, [])
    assert.equal(problem?.path, 'action.url')
    assert.match(
      problem.message,
      /^action\.url: \{\{.*\}\} is not known; use one of slot, attempt, .*secrets/,
    )
    assert.ok(problem.message.length < 350)
  })
}

test('a delivery may name how the run ended as well', () => {
  const text = '{{event}} {{run.state}} {{run.output}} {{run.error}} {{run.duration_ms}} {{input.a}}'
  assert.deepEqual(templateProblems(text, { path: '', names: templateNames }), [])
  assert.equal(templateProblems(text, { path: '', names: actionNames }).length, 5)
})

test('problems say where in a nested value they are, each name of a text once', () => {
  const body = { a: [{ b: '{{x}} {{x}} {{slot}}' }, 'fine'], c: '{{slot', 1: '{{y}}' }
  const problems = templateProblems(body, { path: 'action.body', names: ['slot'] })
  assert.deepEqual(problems, [
    { path: 'action.body.1', message: 'action.body.1: {{y}} is not known; use one of slot' },
    { path: 'action.body.a[0].b', message: 'action.body.a[0].b: {{x}} is not known; use one of slot' },
    {
      path: 'action.body.c',
      message: 'action.body.c: "{{" has no matching "}}"; write {{"{{"}} for literal braces',
    },
  ])
})

test('the names within a value are found, each once', () => {
  const value = { a: ['{{secrets.A}}{{ secrets.B }}', { b: '{{slot}} {{secrets.A}}' }], n: 1, none: null }
  assert.deepEqual([...namesIn(value)], ['secrets.A', 'secrets.B', 'slot'])
  assert.deepEqual([...namesIn('{{"{{"}}slot}}')], [])
})

test('braces that are not closed are refused wherever they are read', () => {
  for (const read of [namesIn, wholeName, (text: string) => render(text, {})]) {
    assert.throws(
      () => read('{{slot'),
      (error) => error instanceof AppError && error.code === 'FIELD_INVALID',
    )
  }
})

test('a text is one template, or it is not', () => {
  assert.equal(wholeName('{{ secrets.A }}'), 'secrets.A')
  for (const text of ['', 'secrets.A', 'a{{secrets.A}}', '{{secrets.A}} ', '{{a}}{{b}}', '{{"a"}}'])
    assert.equal(wholeName(text), null)
})

test('a text of nothing but opened braces is read in time', () => {
  const startedAt = performance.now()
  assert.throws(() => render('{{'.repeat(500_000), {}), AppError)
  assert.throws(() => render('{{"'.repeat(300_000), {}), AppError)
  assertTook(performance.now() - startedAt, 2_000)
})
