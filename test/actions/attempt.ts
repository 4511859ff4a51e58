import type { ActionJob, ActionRun } from '../../src/actions/index.ts'
import type { ActionContext } from '../../src/actions/shared/context.ts'
import { AppError } from '../../src/ground/errors.ts'
import { createRedactor } from '../../src/redact/index.ts'
import { createOutbound } from '../../src/outbound/index.ts'
import { someRun } from './setup.ts'

type Changes = {
  action: { type: string; [field: string]: unknown }
  job?: Partial<ActionJob>
  run?: Partial<ActionRun>
  secrets?: Record<string, string>
}

const outbound = createOutbound({ allow: ['127.0.0.0/8'], own: [] })

/** One attempt of an action, and `logged()`: what it wrote to its log. */
export function attemptOf({ action, job, run, secrets = {} }: Changes) {
  const chunks: Buffer[] = []
  const context: ActionContext = {
    userAgent: 'chronos/test',
    traceparent: null,
    line: outbound.line,
    async secret(name) {
      const value = secrets[name]
      if (value === undefined) throw new AppError('SECRET_UNKNOWN', `secret ${name} was asked for`)
      return value
    },
    lastOutput: async () => null,
    hide: (text, wish) => createRedactor(Object.values(secrets)).text(text, wish),
    hiding: () => createRedactor(Object.values(secrets)).stream(),
    log: (chunk) => void chunks.push(Buffer.from(chunk)),
    callbackUrl: () => 'http://127.0.0.1:1/',
    isHeld: () => true,
  }
  const whole: ActionJob = {
    ...{
      id: 'ab12cd34ef56',
      project: 'default',
      name: 'a job',
      action,
      timeoutMs: null,
      prompt: null,
      skills: [],
    },
    ...job,
  }
  return {
    job: whole,
    run: { ...someRun, ...run },
    context,
    logged: () => Buffer.concat(chunks).toString(),
  }
}

/** An abort as the runner makes it. */
export function stopReason(code: string): Error {
  return Object.assign(new Error(code), { code })
}
