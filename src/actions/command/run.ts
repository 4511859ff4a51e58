import { stat } from 'node:fs/promises'
import type { CommandConfig } from '../../ground/config-commands.ts'
import type { RedactingStream } from '../../redact/index.ts'
import { namesIn, render, type Values } from '../../template/index.ts'
import { withTimeLimit } from '../../ground/time-limit.ts'
import { cappedText } from '../../ground/text.ts'
import { makeFolder, removeFolder, watchFolder } from './folder.ts'
import { findProgram, limiterOf } from './limits.ts'
import { type ProgramCall, type ProgramEnd, runProgram } from './process.ts'
import { endAllOf, giveBack, mayEnter, type ProgramUser, takeUser } from './user.ts'
import type { ActionContext } from '../shared/context.ts'
import { createEnds, type Ends } from '../../ground/head-tail.ts'
import { idempotencyKey } from '../shared/identity.ts'
import { mostOutputBytes, timeoutOf } from '../shared/limits.ts'
import { areOff } from './off.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from '../shared/outcome.ts'
import { stopAfter, stopped } from '../shared/stop.ts'
import { valuesOf } from '../shared/values.ts'

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
 * One program, started without a shell, and ended with all that it started (`runProgram`): as a user of its own where
 * there are some, and with an empty folder of its own, which is its HOME and TMPDIR and is removed afterwards. Both of
 * its outputs go into the attempt's log as they come; the run's output is standard output, its first and its last 32 KiB.
 *
 * Codes of a failure: LIMIT_REACHED (its folder, or its processor time), EXIT_CODE (final with 64 and 78 of sysexits.h: the command is wrong, not the moment), KILLED (by
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
  settings: CommandConfig | null,
): Promise<ActionOutcome> {
  if (!settings) return finalFailure('ACTION_NOT_AVAILABLE', areOff)
  const user = settings.users && takeUser(settings.users)
  if (settings.users && !user) return noUserFree
  try {
    return await runAs(user, { job, run, signal, context, settings })
  } finally {
    if (user) giveBack(user)
  }
}

const noUserFree: ActionOutcome = {
  state: 'failed',
  error: {
    code: 'COMMAND_NOT_STARTED',
    message: 'Every user of COMMAND_UID is already running a program',
  },
}

type Started = {
  job: ActionJob
  run: ActionRun
  signal: AbortSignal
  context: ActionContext
  settings: CommandConfig
}

async function runAs(
  user: ProgramUser | null,
  { job, run, signal, context, settings }: Started,
): Promise<ActionOutcome> {
  const action = job.action as CommandAction & ActionJob['action']
  const values = await valuesOf(namesIn([action.args, action.env, action.stdin]), { job, run, context })
  const folder = await makeFolder(user)
  const cwd = action.cwd ?? folder
  const stop = stopAfter(timeoutOf(action.timeout_ms, job, usualTimeoutMs), signal)
  try {
    const wrong = await wrongFolder(cwd, user)
    if (wrong !== null) return finalFailure('COMMAND_NOT_FOUND', wrong)
    const limiter = await limiterOf(settings, user)
    const { traceparent } = context
    const call = callOf(action, { job, run, values, settings, cwd, folder, user, limiter, traceparent })
    return await attempt(call, {
      ...{ action, context, folder },
      ...{ signal: stop.signal, mostBytes: settings.folderMb * 2 ** 20 },
    })
  } finally {
    stop.release()
    if (user?.isAlone) await endAllOf(user.uid)
    await removeFolder(folder, user)
  }
}

async function wrongFolder(path: string, user: ProgramUser | null): Promise<string | null> {
  const found = await stat(path).catch(() => null)
  if (!found?.isDirectory()) return `action.cwd: ${path} is not a folder`
  if (!user || (await mayEnter(path, user))) return null
  return `action.cwd: user ${user.uid}, who runs the program, may not enter ${path}`
}

type CallNeeds = {
  job: ActionJob
  run: ActionRun
  values: Values
  settings: CommandConfig
  cwd: string
  folder: string
  user: ProgramUser | null
  limiter: string[]
  traceparent: string | null
}

function callOf(action: CommandAction, needs: CallNeeds): ProgramCall {
  const { job, run, values, settings, cwd, folder, user, limiter, traceparent } = needs
  const own: Record<string, string> = {}
  for (const [name, text] of Object.entries(action.env ?? {})) own[name] = render(text, values)
  return {
    command: action.command,
    args: (action.args ?? []).map((text) => render(text, values)),
    env: {
      ...{ HOME: folder, TMPDIR: folder, ...settings.env, ...own, ...identityOf(job, run) },
      ...(traceparent !== null && { TRACEPARENT: traceparent }),
    },
    ...{ cwd, user, limiter },
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

type Attempt = {
  action: CommandAction
  context: ActionContext
  signal: AbortSignal
  folder: string
  mostBytes: number
}

async function attempt(
  call: ProgramCall,
  { action, context, signal, folder, mostBytes }: Attempt,
): Promise<ActionOutcome> {
  const subject = `command ${call.command}`
  if (signal.aborted) return stopped(signal.reason, subject, 'before it began')
  // a limiter would say so by an exit code, as any program may
  const { PATH: path } = call.env
  if (call.limiter.length > 0 && (await findProgram(call.command, { path, cwd: call.cwd })) === null)
    return notStarted(call.command, 'ENOENT')
  const stdout = createEnds(mostOutputBytes)
  const stderr = createEnds(mostStderrBytes)
  const out = keeping(context.hiding(), stdout, context)
  const err = keeping(context.hiding(), stderr, context)
  const startedAt = performance.now()
  const room = watchRoom(folder, mostBytes, signal)
  const end = await runProgram(call, { stdout: out.write, stderr: err.write }, room.signal)
  room.release()
  out.end()
  err.end()
  if (end.how === 'unstarted') return notStarted(call.command, end.code)
  const [output, said] = [stdout.text(), lastLine(stderr.text())]
  if (room.isFull()) {
    const message = `${subject} was stopped because its folder grew beyond ${mostBytes / 2 ** 20} MiB (COMMAND_FOLDER_MB)`
    return { state: 'failed', error: { code: 'LIMIT_REACHED', message }, output }
  }
  if (end.isStopped) {
    const extent = `after ${Math.round(performance.now() - startedAt)} ms`
    return { ...stopped(signal.reason, subject, extent), output }
  }
  const refused = codeOfLimiter(call, end, said)
  if (refused !== null) return notStarted(call.command, refused)
  return judge(end, { subject, success: action.success ?? [0], output, said })
}

/** A signal that aborts with `signal`, and when the folder is full (0: it never is). */
function watchRoom(folder: string, mostBytes: number, signal: AbortSignal) {
  const stop = withTimeLimit(signal, null)
  let isFull = false
  const endWatch =
    mostBytes > 0 &&
    watchFolder(folder, mostBytes, () => {
      isFull = !signal.aborted
      stop.stop(undefined)
    })
  return {
    signal: stop.signal,
    isFull: () => isFull,
    release() {
      stop.release()
      if (endWatch) endWatch()
    },
  }
}

/** The error of a limiter that could not become the program, if the exit code means that; otherwise null. */
function codeOfLimiter({ limiter }: ProgramCall, end: Finished, said: string): string | null {
  if (limiter.length === 0 || end.how !== 'exit' || (end.code !== 126 && end.code !== 127)) return null
  if (!/^(setpriv|prlimit): /.test(said)) return null
  return end.code === 127 ? 'ENOENT' : 'EACCES'
}

/** Each output is redacted separately, before it is cut and before the two mix in the log. */
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
  if (code === 'ENOENT') return finalFailure('COMMAND_NOT_FOUND', `command ${command} was not found`)
  if (code === 'ERR_INVALID_ARG_VALUE')
    return finalFailure(
      'ACTION_INVALID',
      `command ${command}: arguments and variables must not contain a NUL`,
    )
  const message = `command ${command} could not be started (${code}); check that it is an executable program`
  if (passing.includes(code)) return { state: 'failed', error: { code: 'COMMAND_NOT_STARTED', message } }
  return finalFailure('COMMAND_NOT_STARTED', message)
}

type Finished = Exclude<ProgramEnd, { how: 'unstarted' }>
type Ended = { subject: string; success: number[]; output: string; said: string }

// sysexits.h: EX_USAGE and EX_CONFIG. (75, EX_TEMPFAIL, is a failure like any other: it is tried again.)
const finalCodes = [64, 78]

function judge(end: Finished, { subject, success, output, said }: Ended): ActionOutcome {
  const trailer = said === '' ? '' : `: ${said}`
  if (end.how === 'signal' && end.signal === 'SIGXCPU') {
    const message = `${subject} was stopped at its limit of processor time (COMMAND_PROCESSOR_S)${trailer}`
    return { state: 'failed', error: { code: 'LIMIT_REACHED', message }, output }
  }
  if (end.how === 'signal') {
    const message = `${subject} was killed by ${end.signal}, not by this service${trailer}`
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
