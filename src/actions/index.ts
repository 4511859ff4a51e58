import { AppError } from '../ground/errors.ts'
import type { SchemaKit } from '../ground/schema.ts'
import { quotedChoice } from '../ground/words.ts'
import type { Outbound } from '../outbound/index.ts'
import { whenSchema } from './gate/schema.ts'
import type { Available } from './shared/check.ts'
import type { ActionContext, AttemptLog, LastOutput } from './shared/context.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from './shared/outcome.ts'
import { createProtector, type Protection } from './shared/protection.ts'
import { callFields } from './shared/schema.ts'
import type { ActionFields, ActionKit, ActionSettings, Attempt, PromptPlace } from './type.ts'
import { actionTypes, typeOf } from './types.ts'

type Filled = typeof import('./filled.ts')

export { missingForPrompt } from './prompt/needs.ts'
export type { Available } from './shared/check.ts'
export type { AttemptLog } from './shared/context.ts'
export type { ActionJob, ActionOutcome, ActionRun } from './shared/outcome.ts'
export type { ActionKit, PromptPlace } from './type.ts'
export { actionTypes } from './types.ts'

export type Actions = {
  /**
   * Makes one attempt and returns its outcome. The behaviour of a target is a value; an exception here is our own bug.
   *
   * Ends early when `signal` aborts; its reason has to be an Error whose `code` is CANCELLED (state cancelled),
   * LEASE_LOST or DRAINING (interrupted) or DEADLINE (timed_out). The code becomes the error's code.
   */
  run(job: ActionJob, run: ActionRun, signal: AbortSignal): Promise<ActionOutcome>
}

type ActionsNeeds = {
  userAgent: string
  outbound: Pick<Outbound, 'line'>
  /** Default: no model server, no commands. */
  settings?: Partial<ActionSettings>
  /** Values that no outcome and no log may show. */
  protect?: readonly string[]
  /** @throws AppError SECRET_UNKNOWN, SECRET_UNREADABLE */
  secret?: (name: string, project: string) => Promise<string>
  /** Of a job, for a job of the same project. */
  lastOutput?: (jobId: string, readerId: string) => Promise<LastOutput | null>
  openLog?: (job: ActionJob, run: ActionRun) => AttemptLog
  /** @throws AppError CALLBACK_UNAVAILABLE */
  callbackUrl?: (job: ActionJob, run: ActionRun, deadlineMs: number) => string
  isHeld?: (run: ActionRun) => boolean
  /** Of the attempt that is being made; null: nothing is traced. */
  traceparent?: () => string | null
  /** Awaited once, before the first attempt: loading it later would delay an answer. */
  untilCalm?: () => Promise<void>
}

/** All that the schema of an action may be made of. */
export function actionKit(kit: SchemaKit): ActionKit {
  const fields = callFields(kit)
  return { ...kit, ...fields, when: whenSchema({ ...kit, ...fields }) }
}

/** `checkAction` of check.ts, loaded when a job is saved. */
export async function checkAction(action: ActionFields | null, prompt: string | null, place: PromptPlace) {
  const check = await import('./shared/check.ts')
  return check.checkAction(action, prompt, place)
}

/** `filledAction` of filled.ts, loaded when a run is looked at. */
export async function filledAction(...[job, run]: Parameters<Filled['filledAction']>) {
  const filled = await import('./filled.ts')
  return filled.filledAction(job, run)
}

/** `unavailableIn` of check.ts, loaded when a job is saved. */
export async function unavailableIn(action: ActionFields, service: Available) {
  const check = await import('./shared/check.ts')
  return check.unavailableIn(action, service)
}

/** `sweepFolders` of folder.ts, loaded where commands are on. */
export async function sweepFolders(): Promise<void> {
  const folders = await import('./command/folder.ts')
  await folders.sweepFolders()
}

/** The actions a job can have. Each is loaded at its first use, so that a boot pays for none. */
export function createActions(needs: ActionsNeeds): Actions {
  const protectAttempt = createProtector(needs.protect ?? [])
  const settings = { ...nothingSet, ...needs.settings }
  let isCold = true
  return {
    async run(job, run, signal) {
      if (isCold && !run.isAwaited) await needs.untilCalm?.()
      isCold = false
      const protection = protectAttempt()
      const opened = needs.openLog?.(job, run)
      const log = opened && protection.log(opened)
      const context = contextOf(needs, { job, run, signal, log, protection })
      try {
        const outcome = protection.outcome(
          await runType({ job, run, signal, context }, settings).catch(refused),
        )
        // the caller that told it to stop may have given it up already, and its outcome with it
        const left = await log?.end({ withOutcome: !signal.aborted })
        return left ? { ...outcome, log: left } : outcome
      } catch (error) {
        await log?.end({ withOutcome: false })
        throw error
      }
    },
  }
}

function refused(error: unknown): ActionOutcome {
  if (error instanceof AppError) return refusal(error)
  throw error
}

const nothingSet: ActionSettings = { prompt: { baseUrl: null, apiKey: null, model: null }, commands: null }

async function runType(attempt: Attempt, settings: ActionSettings): Promise<ActionOutcome> {
  const { job, run, signal, context } = attempt
  if (job.action['when']) {
    const { passGate } = await import('./gate/pass.ts')
    const ended = await passGate(job, run, signal, context)
    if (ended) return ended
  }
  const type = typeOf(job.action)
  if (type) return (await type.load())(attempt, settings)
  const given = `action.type: ${JSON.stringify(job.action.type)} is not known`
  const known = quotedChoice(actionTypes.map(({ type: name }) => name))
  return finalFailure('ACTION_NOT_AVAILABLE', `${given}; use ${known}`)
}

type Around = Pick<Attempt, 'job' | 'run' | 'signal'> & {
  log: AttemptLog | undefined
  protection: Protection
}

function contextOf(needs: ActionsNeeds, { job, run, signal, log, protection }: Around): ActionContext {
  return {
    userAgent: needs.userAgent,
    line: needs.outbound.line,
    async secret(name) {
      if (!needs.secret) throw new AppError('SECRET_UNKNOWN', `No secret named ${name}`)
      const value = await needs.secret(name, job.project)
      protection.note(value)
      return value
    },
    lastOutput: async (jobId) => (await needs.lastOutput?.(jobId ?? job.id, job.id)) ?? null,
    hide: protection.hide,
    hiding: protection.stream,
    log: (chunk) => log?.write(chunk),
    callbackUrl(deadlineMs) {
      const url = needs.callbackUrl?.(job, run, deadlineMs)
      // anyone who has it can report an outcome, and a target may echo its request
      if (url !== undefined) protection.note(url)
      if (url !== undefined) return url
      throw new AppError('CALLBACK_UNAVAILABLE', 'Callbacks cannot reach this process')
    },
    traceparent: needs.traceparent?.() ?? null,
    isHeld: () => !signal.aborted && (needs.isHeld?.(run) ?? true),
  }
}

/** A secret that is missing stays missing; a database that does not answer may do so at the next attempt. */
function refusal({ code, message, statusCode }: AppError): ActionOutcome {
  if (statusCode === 503) return { state: 'failed', error: { code, message } }
  return finalFailure(code, message)
}
