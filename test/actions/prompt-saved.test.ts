import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readInput } from '../../routes/schemas/index.ts'
import { AppError } from '../../src/ground/errors.ts'

const job = { name: 'a job', schedule: '0 9 * * *', prompt: 'Sum up the day' }

/** What is wrong with a job with this prompt action; empty where nothing is. */
function problemsOf(fields: object): string {
  try {
    const body = { ...job, action: { type: 'prompt', ...fields } }
    readInput('POST /api/jobs', { params: {}, query: {}, body })
    return ''
  } catch (error) {
    assert.ok(error instanceof AppError)
    return error.message
  }
}

test('a prompt action with every field is taken', () => {
  const everything = {
    model: 'vendor/small-1:free',
    base_url: 'http://127.0.0.1:11434/v1',
    api_key: '{{ secrets.MODEL_KEY }}',
    system: 'You are brief.',
    context_from: ['self', '0123456789ab'],
    max_tokens: 100,
    temperature: 0.5,
    timeout_ms: 1_000,
    inactivity_ms: 500,
    budget: { total_tokens: 1_000 },
    price: { input_per_million: 0.15, output_per_million: 0.6, currency: 'EUR' },
  }
  assert.equal(problemsOf(everything), '')
  assert.equal(problemsOf({}), '')
})

const refused: [fields: object, says: RegExp][] = [
  [{ base_url: 'ftp://models.example' }, /action.base_url: must be an http.*, not a string of 20 characters/],
  [{ base_url: 'https://user:hunter2@models.example/v1' }, /action.base_url: .*without user/],
  [{ base_url: 'https://models.example/v1?key=hunter2' }, /action.base_url: .*without user, password, query/],
  [{ base_url: 'https://models.example/{{slot}}' }, /action.base_url: .*templates/],
  [{ model: '{{input.model}}' }, /action.model: .*without templates/],
  [{ api_key: 'sk-hunter2' }, /action.api_key: must be "{{secrets.NAME}}".*, not a string of 10 characters/],
  [{ api_key: 'Bearer {{secrets.KEY}}' }, /action.api_key: must be "{{secrets.NAME}}"/],
  [{ context_from: ['me'] }, /action.context_from\[0\]: must be "self" or a job id.*, not "me"/],
  [{ budget: { tokens: 5 } }, /unknown field `action.budget.tokens`/],
  [{ price: { input_per_million: 1 } }, /action.price.output_per_million: required/],
  [{ temperature: 3 }, /action.temperature: must be a number from 0 to 2, not 3/],
]

for (const [fields, says] of refused) {
  test(`${JSON.stringify(fields)} is refused with its path, and no secret is repeated`, () => {
    const problems = problemsOf(fields)
    assert.match(problems, says)
    assert.doesNotMatch(problems, /hunter2/)
  })
}
