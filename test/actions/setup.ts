import type { TestContext } from 'node:test'
import { startTarget } from '../../dev/target/index.ts'
import { type ActionJob, type ActionRun, createActions } from '../../src/actions/index.ts'
import type { Outcome } from '../../src/decisions/index.ts'
import { AppError } from '../../src/ground/errors.ts'
import { createOutbound } from '../../src/outbound/index.ts'

export const slot = new Date('2026-06-18T12:00:00.000Z')

export const someRun: ActionRun = {
  id: '0197a1b2-0000-7000-8000-000000000001',
  slot,
  attempt: 2,
  fence: 7,
  trigger: 'fire',
  input: null,
}

type Changes = {
  job?: Partial<ActionJob>
  run?: Partial<ActionRun>
  signal?: AbortSignal
}

type World = {
  secrets?: Record<string, string>
  lastOutput?: string
  isHeld?: boolean
  allow?: string[]
  /** Where a target reports later. */
  callback?: string
}

export const lastRunId = '0197a1b2-0000-7000-8000-00000000000f'
export const callbackUrl = 'https://chronos.example/api/callbacks/once'

/**
 * A target, and `call`: one attempt of an http action at a path of it (or at a whole URL). `logged` gives what the
 * attempts have written; `waits` are the deadlines that callbacks were asked for with.
 */
export async function setup(t: TestContext, world: World = {}) {
  const {
    secrets = {},
    lastOutput,
    isHeld = true,
    allow = ['127.0.0.0/8', '::1'],
    callback = callbackUrl,
  } = world
  const target = await startTarget()
  t.after(() => target.close())
  const logs: Buffer[] = []
  const waits: number[] = []
  const actions = createActions({
    userAgent: 'chronos/test',
    outbound: createOutbound({ allow, own: [] }),
    async secret(name) {
      const value = secrets[name]
      if (value !== undefined) return value
      throw new AppError('SECRET_UNKNOWN', `secret ${name} was asked for; there is none with this name`)
    },
    lastOutput: async (jobId) =>
      lastOutput === undefined
        ? null
        : { runId: lastRunId, output: `${jobId}: ${lastOutput}`, finishedAt: slot },
    openLog: () => ({ write: (chunk) => void logs.push(Buffer.from(chunk)), end: async () => null }),
    callbackUrl(_job, _run, deadlineMs) {
      waits.push(deadlineMs)
      return callback
    },
    isHeld: () => isHeld,
  })

  async function call(path: string, fields: object = {}, { job, run: changes, signal }: Changes = {}) {
    const url = URL.canParse(path) ? path : `${target.url}${path}`
    const someJob: ActionJob = {
      id: 'ab12cd34ef56',
      project: 'default',
      name: 'a job',
      timeoutMs: null,
      prompt: null,
      skills: [],
      action: { type: 'http', url, timeout_ms: 20_000, ...fields },
      ...job,
    }
    // The outcome is one that a settle takes.
    const outcome: Outcome = await actions.run(
      someJob,
      { ...someRun, ...changes },
      signal ?? new AbortController().signal,
    )
    return outcome
  }
  return { target, call, actions, waits, logged: () => Buffer.concat(logs).toString() }
}

/** The body within an output. */
export function bodyOf({ output = '' }: Outcome): string {
  return output.slice(output.indexOf('\n\n') + 2)
}
