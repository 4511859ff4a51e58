import type { TestContext } from 'node:test'
import { startTarget } from '../../dev/target/index.ts'
import { type ActionJob, type ActionRun, createActions } from '../../src/actions/index.ts'
import type { Outcome } from '../../src/decisions/index.ts'
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

/** A target, and `call`: one attempt of an http action at a path of it (or at a whole URL). */
export async function setup(t: TestContext) {
  const target = await startTarget()
  t.after(() => target.close())
  const outbound = createOutbound({ allow: ['127.0.0.0/8', '::1'], own: [] })
  const actions = createActions({ userAgent: 'chronos/test', outbound })

  async function call(path: string, fields: object = {}, { job, run: changes, signal }: Changes = {}) {
    const url = URL.canParse(path) ? path : `${target.url}${path}`
    const someJob: ActionJob = {
      id: 'ab12cd34ef56',
      name: 'a job',
      timeoutMs: null,
      prompt: null,
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
  return { target, call, actions }
}

/** The body within an output. */
export function bodyOf({ output = '' }: Outcome): string {
  return output.slice(output.indexOf('\n\n') + 2)
}
