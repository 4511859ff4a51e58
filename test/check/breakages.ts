import type { Tool } from './project.ts'

/** One rule, broken once: `tool` has to name `rule` for `file`. */
export type Breakage = { what: string; tool: Tool; rule: string; file: string; text: string }

/** A file of the project that does one thing wrong; many files, so that every finding has one cause. */
function broken(tool: Tool, rule: string, cases: [what: string, file: string, text: string][]): Breakage[] {
  return cases.map(([what, file, text]) => ({ what, tool, rule, file, text }))
}

/** Spelt so that this file itself keeps the rule. */
const at = (folder: string) => ['', folder, ''].join('/')

const drizzleTable = `import { drizzle } from 'drizzle-orm/postgres-js'
import { pgTable, text } from 'drizzle-orm/pg-core'
const table = pgTable('t', { name: text('name') })
const db = drizzle.mock()
`

export const breakages: Breakage[] = [
  ...broken('tsc', 'TS2322', [['a type error', 'src/zz-type.ts', `export const n: number = 'one'\n`]]),
  ...broken('tsc -p web', 'TS2339', [
    [
      'a field that no answer has',
      'web/zz-field.ts',
      `import type { Job } from './types.ts'\nexport const colourOf = (job: Job) => job.schedule.colour\n`,
    ],
  ]),
  ...broken('tsc', 'TS1294', [['what cannot be stripped', 'src/zz-enum.ts', 'export enum Kind { A }\n']]),
  ...broken('tsc', 'TS2741', [
    [
      'a type of receiver that does not say what is secret about it',
      'src/delivery/senders/zz-forgetful.ts',
      `import type { Receiver } from './receiver.ts'
type Target = { type: 'pager'; url: string }
export const pager = {
  type: 'pager',
  docs: '',
  schema: ({ object }) => object({}),
  callsOf: ({ url }) => [{ field: 'url', url }],
  load: async () => async () => ({ state: 'delivered' }),
} as const satisfies Receiver<Target>
`,
    ],
    [
      'a type of action that does not say what is secret about it',
      'src/actions/zz-forgetful.ts',
      `import type { ActionType } from './type.ts'
export const queue = {
  type: 'queue',
  docs: '',
  schema: ({ object }) => object({}),
  callsOf: () => [],
  check: () => [],
  load: async () => async () => ({ state: 'succeeded' }),
} as const satisfies ActionType
`,
    ],
  ]),
  ...broken('tsc', 'TS2322', [
    [
      'an index that may be missing',
      'src/zz-index.ts',
      'export const first = (all: string[]): string => all[0]\n',
    ],
  ]),

  ...broken('oxlint', 'no-floating-promises', [
    ['a promise that nobody awaits', 'src/zz-float.ts', 'export function go() {\n  Promise.resolve(1)\n}\n'],
    [
      'a drizzle builder that nobody awaits, which never runs',
      'db/zz-builder.ts',
      `${drizzleTable}export async function remove() {\n  await Promise.resolve()\n  db.delete(table)\n}\n`,
    ],
    [
      'a postgres.js statement that nobody awaits, which never runs',
      'db/zz-statement.ts',
      `import type postgres from 'postgres'\nexport function remove(sql: postgres.Sql) {\n  sql\`delete from t\`\n}\n`,
    ],
    [
      'an assertion that nobody awaits',
      'test/zz/rejects.ts',
      `import assert from 'node:assert/strict'\nassert.rejects(Promise.resolve())\n`,
    ],
  ]),
  ...broken('oxlint', 'no-misused-promises', [
    [
      'a promise taken for a boolean',
      'src/zz-misused.ts',
      'export const go = (p: Promise<boolean>) => {\n  if (p) return 1\n  return 2\n}\n',
    ],
  ]),
  ...broken('oxlint', 'no-explicit-any', [['any', 'test/zz/any.ts', 'export const loose: any = 1\n']]),
  ...broken('oxlint', 'no-unsafe-assignment', [
    [
      'any that comes in unnamed',
      'dev/zz/parsed.ts',
      `const parsed = JSON.parse('1')\nexport const twice = [parsed]\n`,
    ],
  ]),
  ...broken('oxlint', 'switch-exhaustiveness-check', [
    [
      'a state that a switch forgets',
      'src/zz-switch.ts',
      `export function size(state: 'a' | 'b') {\n  switch (state) {\n    case 'a':\n      return 1\n  }\n  return 0\n}\n`,
    ],
  ]),
  ...broken('oxlint', 'only-throw-error', [
    ['a thrown text', 'src/zz-throw.ts', `export function go() {\n  throw 'text'\n}\n`],
  ]),
  ...broken('oxlint', 'consistent-type-imports', [
    [
      'a value import of a type',
      'src/run/zz-typeimport.ts',
      `import { AppError } from '../ground/errors.ts'\nexport const same = (error: AppError) => error\n`,
    ],
  ]),
  ...broken('oxlint', 'no-console', [
    ['console in src', 'src/zz-console.ts', `console.log('x')\n`],
    ['console in a package of src', 'src/token/zz-console.ts', `console.log('x')\n`],
    ['console in routes', 'routes/zz-console.ts', `console.log('x')\n`],
    ['console in db', 'db/zz-console.ts', `console.log('x')\n`],
  ]),
  ...broken('oxlint', 'no-process-env', [
    ['the environment read in src', 'src/zz-env.ts', `export const port = process.env['PORT']\n`],
    [
      'the environment read in a package of src',
      'src/timers/nas/zz-env.ts',
      `export const port = process.env['PORT']\n`,
    ],
    ['the environment read in routes', 'routes/zz-env.ts', `export const port = process.env['PORT']\n`],
    ['the environment read in db', 'db/zz-env.ts', `export const port = process.env['PORT']\n`],
  ]),
  ...broken('oxlint', 'no-cycle', [
    ['a cycle', 'src/zz-cycle-a.ts', `import { b } from './zz-cycle-b.ts'\nexport const a = () => b()\n`],
    [
      'a cycle, from its other end',
      'src/zz-cycle-b.ts',
      `import { a } from './zz-cycle-a.ts'\nexport const b = (): number => a()\n`,
    ],
    [
      'a circle of types',
      'src/zz-circle-a.ts',
      `import type { B } from './zz-circle-b.ts'\nexport type A = B[]\n`,
    ],
    [
      'a circle of types, from its other end',
      'src/zz-circle-b.ts',
      `import type { A } from './zz-circle-a.ts'\nexport type B = { as: A }\n`,
    ],
  ]),
  ...broken('oxlint', 'chronos(floors)', [
    ['the environment by way of node:process', 'src/zz-env2.ts', `export { env } from 'node:process'\n`],
    ['an import up, from db to a route', 'db/zz-up.ts', `export * from '../routes/index.ts'\n`],
    ['an import up, from a story to app', 'src/run/zz-up.ts', `export * from '../app.ts'\n`],
    ['a file of src that has no floor', 'src/zz-floorless.ts', `export * from './ground/json.ts'\n`],
    ['an import up, from a route to server', 'routes/zz-up.ts', `export * from '../src/server.ts'\n`],
    ['an import up of a type alone', 'src/token/zz-up.ts', `export type * from '../arming/arm.ts'\n`],
    ['a lazy import up', 'src/schedule/zz-up.ts', `export const go = () => import('../arming/arm.ts')\n`],
    ['a builtin of Node in the core of the relay', 'relay/core/zz-node.ts', `export * from 'node:crypto'\n`],
    ['the service in the relay', 'relay/node/zz-src.ts', `export * from '../../src/ground/json.ts'\n`],
    ['the relay in the service', 'src/run/zz-relay.ts', `export * from '../../relay/core/index.ts'\n`],
    ['a host in the core of the relay', 'relay/core/zz-host.ts', `export * from '../node/index.ts'\n`],
    ['a value of the service in the page', 'web/zz-value.ts', `export * from '../src/ground/json.ts'\n`],
    ['a library that the page is not made of', 'web/zz-library.ts', `export * from 'croner'\n`],
    ['a page in a part of pages', 'web/parts/zz-up.ts', `export * from '../pages/index.ts'\n`],
    ['the page in the service', 'src/run/zz-web.ts', `export * from '../../web/router.ts'\n`],
    ['a way past the door of the core', 'relay/node/zz-door.ts', `export * from '../core/arm.ts'\n`],
    [
      'an import sideways, from NAS to the database',
      'src/timers/nas/zz-side.ts',
      `export * from '../../../db/index.ts'\n`,
    ],
    ['an import past the door of db', 'src/run/zz-door.ts', `export * from '../../db/client.ts'\n`],
    [
      'an import past the door of a package of src',
      'src/run/zz-door2.ts',
      `export * from '../timers/nas/client.ts'\n`,
    ],
    ['an import past the door of routes', 'src/app.ts', `export * from './../routes/zz.ts'\n`],
    ['a lazy import past a door', 'routes/zz-door.ts', `export const go = () => import('../db/client.ts')\n`],
    ['a test tool in src', 'src/run/zz-test.ts', `export * from '../../test/support/database.ts'\n`],
    ['a development tool in db', 'db/zz-dev.ts', `export const go = () => import('../dev/nas/index.ts')\n`],
    ['jose outside token', 'src/timers/nas/zz-jose.ts', `export { jwtVerify } from 'jose'\n`],
    ['nodemailer in a story', 'src/run/zz-mail.ts', `export const go = () => import('nodemailer')\n`],
    ['drizzle outside db', 'routes/zz-drizzle.ts', `export { sql } from 'drizzle-orm/sql'\n`],
    [
      'postgres outside db',
      'src/run/zz-postgres.ts',
      `import postgres from 'postgres'\nexport const sql = postgres()\n`,
    ],
    ['croner outside schedule', 'routes/zz-croner.ts', `export { Cron } from 'croner'\n`],
    [
      'Fastify in a story',
      'src/run/zz-fastify.ts',
      `import Fastify from 'fastify'\nexport const app = Fastify()\n`,
    ],
  ]),

  ...broken('oxlint', 'regexes(linear)', [
    [
      'an end that is tried from each place',
      'src/zz-end.ts',
      `export const end = (text: string) => /\\/+$/.test(text)\n`,
    ],
    [
      'two parts for one text',
      'routes/zz-parts.ts',
      `export const is = (text: string) => /^a+a+b$/.test(text)\n`,
    ],
    [
      'a repetition of repetitions',
      'relay/zz-twice.ts',
      `export const is = (text: string) => /^(?:a+)+$/.test(text)\n`,
    ],
  ]),
  ...broken('oxlint', 'chronos(names)', [
    ['a type named Parts', 'src/run/zz-parts.ts', 'export type Parts = { one: 1 }\n'],
    ['an interface that ends so', 'dev/zz/parts.ts', 'export interface RunnerParts {\n  one: 1\n}\n'],
  ]),

  ...broken('biome', 'format', [
    ['semicolons', 'src/zz-format.ts', 'export const a = 1;\n'],
    ['unaligned JSON', 'zz.json', '{"a":1,\n"b":2}\n'],
  ]),
  ...broken('knip', 'zz-unused', [
    ['a file that nobody imports', 'src/token/zz-unused.ts', 'export const nobody = 1\n'],
  ]),
  ...broken('knip', 'nobodyAsksForThis', [
    [
      'an export that nobody imports',
      'test/zz/half.ts',
      'export const used = 1\nexport const nobodyAsksForThis = 2\n',
    ],
    [
      'a type that nobody imports',
      'test/zz/half-type.ts',
      'export type Used = 1\nexport type nobodyAsksForThis = 2\n',
    ],
  ]),
  ...broken('knip --production', 'zz-tested', [
    [
      'a file of the service that only a test imports',
      'src/ground/zz-tested.ts',
      'export const tested = 1\n',
    ],
  ]),
  ...broken('words', 'spelling', [
    ['a misspelt word in a page', 'docs/zz-spelling.md', 'What you recieve.\n'],
    ['American spelling in a comment', 'src/token/zz-spelling.ts', '/** A behavior. */\nexport {}\n'],
  ]),
  ...broken('words', 'phrase', [
    ['a phrase in a page', 'docs/zz-phrase.md', 'The file is made anew.\n'],
    ['an actor without a name in a comment', 'db/zz-phrase.ts', '// whoever comes first\nexport {}\n'],
    [
      'the old form of an error',
      'routes/zz-phrase.ts',
      "export const message = 'a text was given; expected a number'\n",
    ],
    [
      'a phrase in a template',
      'src/token/zz-phrase.ts',
      'export const say = (n: number) => `try ${n} once more`\n',
    ],
  ]),
  ...broken('machine paths', at('work'), [
    ['a path of one machine', 'docs/zz-path.md', `See ${at('work')}notes.\n`],
  ]),
  ...broken('machine paths', at('home'), [
    ['a home folder', 'dev/zz/path.ts', `export const at = '${at('home')}ann/x'\n`],
  ]),
]

/** The same shapes, done right: none of these may be named by any tool. */
export const obedient: Record<string, string> = {
  'test/zz/obedient.test.ts': `import { test } from 'node:test'
import { used } from './half.ts'
import type { Used } from './half-type.ts'
import { tested } from '../../src/ground/zz-tested.ts'
import { follows } from '../../src/run/zz-obedient.ts'

test('a test is registered, not awaited', async () => {
  const one: Used = used
  await follows(one + tested)
})
`,
  'src/run/zz-obedient.ts': `import type { FastifyBaseLogger } from 'fastify'
import { AppError } from '../ground/errors.ts'
import type * as token from '../token/index.ts'

export async function follows(given: number, log?: FastifyBaseLogger, door?: typeof token) {
  const db = await import('../../db/index.ts')
  if (given > 1) throw new AppError('INTERNAL', 'one was expected')
  log?.info({ door, names: Object.keys(db) })
}
`,
}
