import { AppError } from '../ground/errors.ts'
import type { Outbound } from '../outbound/index.ts'
import type { Available } from './available.ts'
import type { RefusalOf } from './shared/callable.ts'
import type { ActionContext, LastOutput } from './shared/context.ts'
import type { CommandConfig } from '../ground/config.ts'
import type { AttemptLog } from './shared/log.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from './shared/outcome.ts'
import type { PromptPlace } from './prompt/needs.ts'
import type { PromptDefaults } from './prompt/request.ts'
import { createProtector, type Protection } from './shared/protection.ts'

export type { ActionContext, LastOutput } from './shared/context.ts'
export type { AttemptLog } from './shared/log.ts'
export type { Available } from './available.ts'
export type { RefusalOf } from './shared/callable.ts'
export type { ActionJob, ActionOutcome, ActionRun } from './shared/outcome.ts'
export { isReservedHeader } from './http/headers.ts'
export { missingForPrompt, type PromptPlace } from './prompt/needs.ts'

export type Actions = {
  /**
   * Makes one attempt and says how it ended. Whatever a target does is a value; what this throws is our own bug.
   *
   * Ends early when `signal` aborts; its reason has to be an Error whose `code` is CANCELLED (state cancelled),
   * LEASE_LOST or DRAINING (interrupted) or DEADLINE (timed_out). The code becomes the error's code.
   */
  run(job: ActionJob, run: ActionRun, signal: AbortSignal): Promise<ActionOutcome>
}

type Parts = {
  userAgent: string
  outbound: Pick<Outbound, 'line'>
  /** Where prompts are put whose action does not say it. */
  prompt?: PromptDefaults
  /** Null: no command is run. */
  commands?: CommandConfig | null
  /** Values that no outcome and no log may show. */
  protect?: readonly string[]
  /** @throws AppError SECRET_UNKNOWN, SECRET_UNREADABLE */
  secret?: (name: string) => Promise<string>
  lastOutput?: (jobId: string) => Promise<LastOutput | null>
  openLog?: (job: ActionJob, run: ActionRun) => AttemptLog
  /** @throws AppError CALLBACK_UNAVAILABLE */
  callbackUrl?: (job: ActionJob, run: ActionRun, deadlineMs: number) => string
  isHeld?: (run: ActionRun) => boolean
  /** Awaited once, before the first attempt: what it has to load would stand in the way of an answer. */
  untilCalm?: () => Promise<void>
}

type Attempt = { job: ActionJob; run: ActionRun; signal: AbortSignal; context: ActionContext; parts: Parts }

/** `checkAction` of check.ts, loaded when a job is saved. */
export async function checkAction(
  action: ActionJob['action'] | null,
  prompt: string | null,
  place: PromptPlace,
) {
  const check = await import('./check.ts')
  return check.checkAction(action, prompt, place)
}

/** `unavailableIn` of available.ts, loaded when a job is saved. */
export async function unavailableIn(action: ActionJob['action'], service: Available) {
  const available = await import('./available.ts')
  return available.unavailableIn(action, service)
}

/** `sweepFolders` of command-folder.ts, loaded where commands are on. */
export async function sweepFolders(): Promise<void> {
  const folders = await import('./command/folder.ts')
  await folders.sweepFolders()
}

/** `uncallableIn` of callable.ts, loaded when something that is called is saved. */
export async function uncallableIn(fields: unknown, path: string, refusalOf: RefusalOf) {
  const callable = await import('./shared/callable.ts')
  return callable.uncallableIn(fields, path, refusalOf)
}

/** The actions a job can have. Each is loaded at its first use, so that a boot pays for none. */
export function createActions(parts: Parts): Actions {
  const protectAttempt = createProtector(parts.protect ?? [])
  let isCold = true
  return {
    async run(job, run, signal) {
      if (isCold) await parts.untilCalm?.()
      isCold = false
      const protection = protectAttempt()
      const opened = parts.openLog?.(job, run)
      const log = opened && protection.log(opened)
      const context = contextOf(parts, { job, run, signal, log, protection })
      try {
        return protection.outcome(await runType({ job, run, signal, context, parts }))
      } catch (error) {
        if (error instanceof AppError) return protection.outcome(refusal(error))
        throw error
      } finally {
        await log?.end()
      }
    },
  }
}

async function runType({ job, run, signal, context, parts }: Attempt): Promise<ActionOutcome> {
  if (job.action['when']) {
    const { passGate } = await import('./gate/pass.ts')
    const ended = await passGate(job, run, signal, context)
    if (ended) return ended
  }
  switch (job.action.type) {
    case 'http': {
      const { runHttp } = await import('./http/run.ts')
      return runHttp(job, run, signal, context)
    }
    case 'prompt': {
      const { runPrompt } = await import('./prompt/run.ts')
      return runPrompt(
        job,
        run,
        signal,
        context,
        parts.prompt ?? { baseUrl: null, apiKey: null, model: null },
      )
    }
    case 'handler': {
      const { runHandler } = await import('./handler/run.ts')
      return runHandler(job, run, signal, context)
    }
    case 'command': {
      const { runCommand } = await import('./command/run.ts')
      return runCommand(job, run, signal, context, parts.commands ?? null)
    }
    default: {
      const given = `an action of type ${JSON.stringify(job.action.type)} was given`
      return finalFailure(
        'ACTION_NOT_AVAILABLE',
        `${given}; expected "http", "prompt", "handler" or "command"`,
      )
    }
  }
}

type Around = Pick<Attempt, 'job' | 'run' | 'signal'> & {
  log: AttemptLog | undefined
  protection: Protection
}

function contextOf(parts: Parts, { job, run, signal, log, protection }: Around): ActionContext {
  return {
    userAgent: parts.userAgent,
    line: parts.outbound.line,
    async secret(name) {
      if (!parts.secret)
        throw new AppError('SECRET_UNKNOWN', `secret ${name} was asked for; there are none here`)
      const value = await parts.secret(name)
      protection.note(value)
      return value
    },
    lastOutput: async (jobId) => (await parts.lastOutput?.(jobId ?? job.id)) ?? null,
    hide: protection.hide,
    hiding: protection.stream,
    log: (chunk) => log?.write(chunk),
    callbackUrl(deadlineMs) {
      const url = parts.callbackUrl?.(job, run, deadlineMs)
      // whoever has it can say how the run ended, and a target may give back what it was sent
      if (url !== undefined) protection.note(url)
      if (url !== undefined) return url
      throw new AppError('CALLBACK_UNAVAILABLE', 'a callback was asked for; none can reach this process')
    },
    isHeld: () => !signal.aborted && (parts.isHeld?.(run) ?? true),
  }
}

/** A secret that is missing stays missing; a database that does not answer may do so at the next attempt. */
function refusal({ code, message, statusCode }: AppError): ActionOutcome {
  if (statusCode === 503) return { state: 'failed', error: { code, message } }
  return finalFailure(code, message)
}
