import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiDocument } from '../../routes/openapi.ts'
import { type Config, readConfig as readWith } from '../../src/ground/config.ts'
import { readPage, tableUnder } from './pages.ts'
import { keyOf } from '../support/key.ts'

const readme = readPage('README.md')

// COMMAND_UID is taken from a process that may change users only
const readConfig = (env: Record<string, string | undefined>) =>
  readWith(env, () => ({ uid: 0, mayChangeUsers: true }))

// Everything that another variable needs or that one has to differ from, so that each can be tried by itself.
const whole = {
  DATABASE_URL: 'postgres://user@db.example/chronos',
  API_KEY: 'a-key-of-sixteen-or-more',
  NAS_REFRESH_TOKEN: 'token',
  NAS_TOKEN_URL: 'https://nas.example/token',
  NAS_CLIENT_ID: 'client',
  ENCRYPTION_KEY: keyOf(1).toString('base64'),
  COMMANDS: 'on',
  COMMAND_UID: '61000',
}
const candidates = [
  'production',
  '2000',
  '70000',
  'debug',
  'Europe/Berlin',
  'https://other.example',
  'postgres://other@db.example/chronos',
  keyOf(2).toString('base64'),
  'on',
  'off',
  'NAS_CLIENT_ID',
]

test('the table of the environment has every variable that is read, each once', () => {
  const read = new Set<string>()
  readConfig(
    new Proxy<Record<string, string | undefined>>(
      {},
      {
        get(_env, name) {
          read.add(String(name))
          return undefined
        },
      },
    ),
  )
  const listed = tableUnder(readme, 'Environment').map(([name = '']) => name.replaceAll('`', ''))
  assert.deepEqual(listed.toSorted(), [...read].toSorted())
})

test('the table of the environment says the defaults that are used', () => {
  const usual = flat(readConfig({}))
  for (const [name = '', , shown = ''] of tableUnder(readme, 'Environment')) {
    const field = fieldOf(name.replaceAll('`', ''))
    const value = usual[field]
    const expected = value === '' || value === 'false' || value === 'null' ? '–' : `\`${value}\``
    assert.equal(shown.replace(/ \(.*\)$/, ''), expected, `${name} (config.${field})`)
  }
})

/** The field of the configuration that a variable sets: the one that differs where the variable does. */
function fieldOf(name: string): string {
  const before = flat(readConfig(whole))
  for (const candidate of candidates) {
    try {
      const after = flat(readConfig({ ...whole, [name]: candidate }))
      const changed = Object.keys(after).find((field) => after[field] !== before[field])
      if (changed) return changed
    } catch {
      // not a value for this variable: the next one is
    }
  }
  throw new Error(`no candidate changes what ${name} sets; add one`)
}

function flat({ nas, prompt, commands, commandLimits, ...config }: Config): Record<string, string> {
  const prompts = Object.entries(prompt).map(([key, value]) => [`prompt.${key}`, value] as const)
  const lists = { ...nas, ...commandLimits, ...Object.fromEntries(prompts) }
  const all = { ...config, ...lists, commands: JSON.stringify(commands) }
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, String(value)]))
}

type Operation = { security: object[]; responses: Record<string, unknown> }
const document = openApiDocument({ version: '0', metricsHere: true }) as {
  paths: Record<string, Record<string, Operation>>
}
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    route: `${method.toUpperCase()} ${path}`,
    statuses: Object.keys(operation.responses),
    isApi: operation.security.some((scheme) => 'apiKey' in scheme),
  })),
)
const rows = tableUnder(readme, 'Routes').map(([route = '', , answers = '']) => ({
  route: route.replaceAll('`', ''),
  statuses: [...answers.matchAll(/\b[2-5]\d\d\b/g)].map(([status]) => status),
}))

test('the tables of routes list what the OpenAPI document has, each route once', () => {
  assert.deepEqual(rows.map(({ route }) => route).toSorted(), operations.map(({ route }) => route).toSorted())
})

test('the tables of routes say the statuses of the OpenAPI document, but for those said once for all', () => {
  const common = ['400', '401', '403', '413', '415', '429', '500', '503']
  for (const { route, statuses, isApi } of operations) {
    const expected = isApi ? statuses.filter((status) => !common.includes(status)) : statuses
    const said = rows.find((row) => row.route === route)?.statuses ?? []
    assert.deepEqual(said.toSorted(), expected.toSorted(), route)
  }
})
