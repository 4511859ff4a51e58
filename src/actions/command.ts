import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRedactor, type RedactingStream } from '../redact/index.ts'
import { namesIn, render, type Values } from '../template/index.ts'
import { cappedText } from '../text.ts'
import { type ProgramCall, type ProgramEnd, runProgram } from './command-process.ts'
import type { ActionContext } from './context.ts'
import { createEnds, type Ends } from './ends.ts'
import { idempotencyKey } from './identity.ts'
import { areOff, mostOutputBytes, timeoutOf } from './limits.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from './outcome.ts'
import { stopAfter, stopped } from './stop.ts'
import { isSecret, valuesOf } from './values.ts'

/** `env`: what of this process' own environment a program may see. Null in place of it all: commands are off. */
export type CommandSettings = { env: Readonly<Record<string, string>> }

/** The `command` action, as its schema has let it through. */
type CommandAction = {
  command: string
  args?: string[]
  env?: Record<string, string>
  cwd?: string
  timeout_ms?: number
  success?: number[]
  stdin?: string
}

const usualTimeoutMs = 300_000
const mostStderrBytes = 4_096

/**
 * One program, started without a shell, and ended with all that it started (`runProgram`). Both of its outputs go into
 * the attempt's log as they come; the run's output is standard output, its first and its last 32 KiB.
 *
 * Codes of a failure: EXIT_CODE (final with 64 and 78 of sysexits.h: the command is wrong, not the moment), KILLED (by
 * a signal from elsewhere), COMMAND_NOT_FOUND (final), COMMAND_NOT_STARTED, ACTION_NOT_AVAILABLE (final: commands are
 * off), ACTION_INVALID (final), TIMEOUT, and the reason of the abort.
 *
 * @throws AppError: as `valuesOf`; FIELD_INVALID: a template that cannot be rendered
 */
export async function runCommand(
  job: ActionJob,
  run: ActionRun,
  signal: AbortSignal,
  context: ActionContext,
  settings: CommandSettings | null,
): Promise<ActionOutcome> {
  if (!settings) return finalFailure('ACTION_NOT_AVAILABLE', areOff)
  const action = job.action as CommandAction & ActionJob['action']
  const values = await valuesOf(namesIn([action.args, action.env, action.stdin]), { job, run, context })
  const own = action.cwd === undefined ? await mkdtemp(join(tmpdir(), 'chronos-run-')) : null
  const cwd = action.cwd ?? own ?? tmpdir()
  const stop = stopAfter(timeoutOf(action.timeout_ms, job, usualTimeoutMs), signal)
  try {
    if (!(await isFolder(cwd)))
      return finalFailure('COMMAND_NOT_FOUND', `action.cwd is ${cwd}; expected a folder that exists`)
    const call = callOf(action, { job, run, values, settings, cwd })
    return await attempt(call, { action, context, signal: stop.signal, secrets: secretsIn(values) })
  } finally {
    stop.release()
    // A daemon may still write there.
    if (own !== null) await rm(own, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)
  }
}

function secretsIn(values: Values): string[] {
  return Object.entries(values).flatMap(([name, value]) => (isSecret(name) ? [String(value)] : []))
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.isDirectory() ?? false
}

type CallParts = {
  job: ActionJob
  run: ActionRun
  values: Values
  settings: CommandSettings
  cwd: string
}

function callOf(action: CommandAction, { job, run, values, settings, cwd }: CallParts): ProgramCall {
  const own: Record<string, string> = {}
  for (const [name, text] of Object.entries(action.env ?? {})) own[name] = render(text, values)
  return {
    command: action.command,
    args: (action.args ?? []).map((text) => render(text, values)),
    env: { ...settings.env, ...own, ...identityOf(job, run) },
    cwd,
    stdin: action.stdin === undefined ? textOf(run.input) : render(action.stdin, values),
  }
}

function identityOf(job: ActionJob, run: ActionRun): Record<string, string> {
  return {
    CHRONOS_JOB: job.id,
    CHRONOS_RUN: run.id,
    ...(run.slot === null ? {} : { CHRONOS_SLOT: run.slot.toISOString() }),
    CHRONOS_ATTEMPT: String(run.attempt),
    CHRONOS_FENCE: String(run.fence),
    CHRONOS_IDEMPOTENCY_KEY: idempotencyKey(job, run),
  }
}

function textOf(input: unknown): string | null {
  if (input === null || input === undefined) return null
  return typeof input === 'string' ? input : JSON.stringify(input)
}

type Attempt = { action: CommandAction; context: ActionContext; signal: AbortSignal; secrets: string[] }

async function attempt(
  call: ProgramCall,
  { action, context, signal, secrets }: Attempt,
): Promise<ActionOutcome> {
  const subject = `command ${call.command}`
  if (signal.aborted) return stopped(signal.reason, subject, 'before it began')
  const stdout = createEnds(mostOutputBytes)
  const stderr = createEnds(mostStderrBytes)
  const { stream } = createRedactor(secrets)
  const out = keeping(stream(), stdout, context)
  const err = keeping(stream(), stderr, context)
  const startedAt = performance.now()
  const end = await runProgram(call, { stdout: out.write, stderr: err.write }, signal)
  out.end()
  err.end()
  if (end.how === 'unstarted') return notStarted(call.command, end.code)
  const output = stdout.text()
  if (end.isStopped) {
    const extent = `after ${Math.round(performance.now() - startedAt)} ms`
    return { ...stopped(signal.reason, subject, extent), output }
  }
  return judge(end, { subject, success: action.success ?? [0], output, said: lastLine(stderr.text()) })
}

/** Each output is redacted by itself, before it is cut and before the two mix in the log, where none may be whole. */
function keeping(redacting: RedactingStream, kept: Ends, { log }: Pick<ActionContext, 'log'>) {
  const keep = (chunk: Uint8Array) => {
    kept.write(chunk)
    log(chunk)
  }
  return {
    write: (chunk: Uint8Array) => keep(redacting.write(chunk)),
    end: () => keep(redacting.end({ isCut: true })),
  }
}

/** Worth another attempt: the system had no room for another process, or no memory. */
const passing = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY']

function notStarted(command: string, code: string): ActionOutcome {
  if (code === 'ENOENT')
    return finalFailure('COMMAND_NOT_FOUND', `command ${command} was given; expected a program that exists`)
  if (code === 'ERR_INVALID_ARG_VALUE')
    return finalFailure('ACTION_INVALID', `command ${command} was given a NUL; expected texts without`)
  const message = `command ${command} cannot be started (${code}); expected a program that may be executed`
  if (passing.includes(code)) return { state: 'failed', error: { code: 'COMMAND_NOT_STARTED', message } }
  return finalFailure('COMMAND_NOT_STARTED', message)
}

type Ended = { subject: string; success: number[]; output: string; said: string }

// sysexits.h: EX_USAGE and EX_CONFIG. (75, EX_TEMPFAIL, is a failure like any other: it is tried again.)
const finalCodes = [64, 78]

function judge(
  end: Exclude<ProgramEnd, { how: 'unstarted' }>,
  { subject, success, output, said }: Ended,
): ActionOutcome {
  const trailer = said === '' ? '' : `: ${said}`
  if (end.how === 'signal') {
    const message = `${subject} was ended by ${end.signal}, from elsewhere${trailer}`
    return { state: 'failed', error: { code: 'KILLED', message }, output }
  }
  if (success.includes(end.code)) return { state: 'succeeded', output }
  const message = `${subject} exited with ${end.code}, expected ${success.join(' or ')}${trailer}`
  const isFinal = finalCodes.includes(end.code)
  return {
    state: 'failed',
    error: { code: 'EXIT_CODE', message },
    output,
    ...(isFinal ? { final: true } : {}),
  }
}

function lastLine(text: string): string {
  return cappedText(text.trimEnd().split('\n').at(-1)?.trim() ?? '', 500)
}
