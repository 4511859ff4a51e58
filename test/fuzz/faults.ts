import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer } from '../../dev/fuzz/answers.ts'
import type { Group, Outing } from '../../dev/fuzz/group.ts'
import type { FindingKind } from '../../dev/fuzz/judge.ts'

/** Something wrong, put into a copy of the bundle, and the group in which it shows. */
export type Fault = { what: FindingKind; wrong: string; group: Group; plant(source: string): string }

const well: Answer = {
  bytes: ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  cut: 0,
  gapMs: 0,
  isEndless: false,
  ending: 'end',
}
const silent: Answer = { ...well, bytes: ['HTTP/1.1 200 OK\r\n\r\n'], ending: 'hold' }
const outing: Outing = {
  kind: 'http',
  isFired: false,
  answer: silent,
  timeoutMs: 300,
  attempts: 1,
  input: ['null'],
  receiver: null,
}
const run: Group = { outings: [{ ...outing, kind: 'handler' }], calls: [], answers: [well] }
const ask: Group = {
  outings: [],
  calls: [
    {
      key: 'GET /v1/health',
      method: 'GET',
      path: '/v1/health',
      headers: [],
      body: [],
      framing: 'none',
      pieces: 1,
      gapMs: 0,
      isPlain: true,
    },
  ],
  answers: [well],
}
/** All that the faults are shown by: without a fault nothing may be found in it. */
export const all: Group = { ...ask, outings: [outing, { ...outing, answer: well }] }

const atHealth = (does: string) => (source: string) =>
  `
const plantedIn = require('node:http').Server.prototype
const emitted = plantedIn.emit
plantedIn.emit = function (name, request, response) {
  if (name === 'request' && request.url === '/v1/health') { ${does} }
  return emitted.apply(this, arguments)
}
${source}`

/** `head`: of the one function that is meant, as the bundler writes it. */
const intoFunction = (head: RegExp, does: string) => (source: string) => {
  const parts = source.split(new RegExp(`(?<=${head.source})`))
  if (parts.length !== 2)
    throw new Error(`the bundle has ${parts.length - 1} of ${head.source}; expected one`)
  return parts.join(does)
}

export const faults: Fault[] = [
  {
    what: 'answer',
    wrong: 'a route that answers 500',
    group: ask,
    plant: atHealth(`return response.writeHead(500).end('{"code":"INTERNAL"}')`),
  },
  {
    what: 'answer',
    wrong: 'a 503 that no trouble of others explains',
    group: ask,
    plant: atHealth(`return response.writeHead(503).end('{"code":"DATABASE_UNAVAILABLE"}')`),
  },
  {
    what: 'blocked',
    wrong: 'an event loop that is blocked for 300 ms',
    group: ask,
    plant: atHealth(
      `const from = process.threadCpuUsage(); while (process.threadCpuUsage(from).user < 300_000);`,
    ),
  },
  {
    what: 'memory',
    wrong: 'a request that keeps 200 MiB',
    group: ask,
    plant: atHealth('globalThis.kept = Buffer.alloc(200 * 1024 * 1024, 1)'),
  },
  {
    what: 'log',
    wrong: 'a promise that is rejected and not handled',
    group: ask,
    plant: atHealth(
      `process.once('unhandledRejection', (error) => console.error(error)); Promise.reject(new Error('planted'))`,
    ),
  },
  { what: 'ended', wrong: 'a request that ends the process', group: ask, plant: atHealth('process.exit(3)') },
  {
    what: 'limit',
    wrong: 'an attempt whose limit is not kept',
    group: run,
    plant: intoFunction(/function timeoutOf\d*\([^)]*\)\{/, 'return 2**31-1;'),
  },
  {
    what: 'unsettled',
    wrong: 'a claimed run that is left',
    group: run,
    plant: intoFunction(/function withDeadline\d*\(\{[^)]*\}\)\{/, 'return{run:()=>new Promise(()=>{})};'),
  },
]

/** Changes the server in this folder of built files. */
export async function plant(dist: string, { plant: change }: Fault): Promise<void> {
  const file = join(dist, 'server.js')
  await writeFile(file, change(await readFile(file, 'utf8')))
}
