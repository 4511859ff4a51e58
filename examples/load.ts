// `API_KEY=… node examples/load.ts <base url>`: puts the secrets and channels of jobs.json into a Chronos, and makes its
// jobs. Once more does no harm: a job is made once.
import { readFile } from 'node:fs/promises'

type ExampleJob = { name: string; after?: { job: string; on?: unknown }; [field: string]: unknown }
export type ExampleSet = {
  secrets: Record<string, string>
  channels: Record<string, object>
  jobs: ExampleJob[]
}

type To = { url: string; apiKey: string; say?: (line: string) => void }

/** The set of jobs.json, with its servers at other ports than 9101 to 9105 where `ports` has them. */
export async function readSet(ports: Record<number, number> = {}): Promise<ExampleSet> {
  const text = await readFile(new URL('jobs.json', import.meta.url), 'utf8')
  const placed = text.replaceAll(/\b910[1-5]\b/g, (port) => String(ports[Number(port)] ?? port))
  return JSON.parse(placed) as ExampleSet
}

/** Ids by the names of the jobs. A command is left out where commands are off. Rejects with what was refused. */
export async function load({ secrets, channels, jobs }: ExampleSet, to: To): Promise<Map<string, string>> {
  const { say = () => undefined } = to
  for (const [name, value] of Object.entries(secrets))
    await call(to, 'PUT', `/api/secrets/${name}`, { value })
  for (const [name, config] of Object.entries(channels))
    await call(to, 'PUT', `/api/channels/${name}`, config)
  say(`${Object.keys(secrets).length} secrets, ${Object.keys(channels).length} channels`)
  const ids = new Map<string, string>()
  for (const { after, ...job } of jobs) {
    const follows = after && { after: { ...after, job: ids.get(after.job) ?? after.job } }
    const id = await makeJob(to, { ...job, ...follows })
    say(id === null ? `left out, as COMMANDS is not "on": ${job.name}` : `${id} ${job.name}`)
    if (id !== null) ids.set(job.name, id)
  }
  return ids
}

/** Null: it is a command, and commands are off. */
async function makeJob(to: To, job: Omit<ExampleJob, 'after'>): Promise<string | null> {
  const key = `example:${String(job['name'])}`
  try {
    const { job: made } = await call(to, 'POST', '/api/jobs', job, { 'idempotency-key': key })
    return made?.id ?? null
  } catch (error) {
    if (error instanceof Refused && error.path === 'action.type') return null
    throw error
  }
}

class Refused extends Error {
  /** The field that is to blame. */
  readonly path: string | undefined
  constructor(message: string, path: string | undefined) {
    super(message)
    this.path = path
  }
}

type Answer = { job?: { id: string }; detail?: string; errors?: { path: string }[] }

async function call(
  { url, apiKey }: To,
  method: string,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as Answer
  if (response.ok) return answer
  throw new Refused(`${method} ${path}: ${response.status} ${answer.detail ?? ''}`, answer.errors?.[0]?.path)
}

async function main() {
  const { API_KEY: apiKey } = process.env
  const [url] = process.argv.slice(2)
  if (!url || !apiKey) throw new Error('usage: API_KEY=… node examples/load.ts <base url>')
  const say = (line: string) => console.log(line)
  await load(await readSet(), { url: url.replace(/\/+$/, ''), apiKey, say })
}

if (import.meta.main)
  main().catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
