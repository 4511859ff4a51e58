import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'

/** A program to be started: without a shell, with this environment and no other. */
export type ProgramCall = {
  command: string
  args: string[]
  env: Record<string, string>
  cwd: string
  stdin: string | null
  /** The user it runs as, in no group but this one; null: that of this process. */
  user: { uid: number; gid: number } | null
  /** The command that starts it (`limiterOf`). */
  limiter: string[]
}

/** `isStopped`: it ended after `signal` had aborted. */
export type ProgramEnd =
  | { how: 'exit'; code: number; isStopped: boolean }
  | { how: 'signal'; signal: string; isStopped: boolean }
  /** It could not be started; `code` is Node's (ENOENT …). */
  | { how: 'unstarted'; code: string }

type Sinks = { stdout(chunk: Buffer): void; stderr(chunk: Buffer): void }

/** Told to end, a process gets so long to do so. */
const graceMs = 5_000
/** How often it is looked whether processes that a program left behind are gone. */
const lookEveryMs = 50
/** How long to wait for other processes that hold the pipes of a program that has ended. */
const drainMs = 1_000

/**
 * Runs a program to its end, as the leader of a process group of its own. All of the group has ended when this
 * resolves: at `signal` it gets SIGTERM and, 5 s later, SIGKILL; so do processes that the program leaves behind. (Those that make
 * a group of their own, as daemons do, are not found.) It does not outlive this process if that exits normally.
 */
export async function runProgram(call: ProgramCall, sinks: Sinks, signal: AbortSignal): Promise<ProgramEnd> {
  const child = start(call)
  if (typeof child === 'string') return { how: 'unstarted', code: child }
  child.stdout?.on('data', sinks.stdout)
  child.stderr?.on('data', sinks.stderr)
  // A program may end, or close its input, without having read it.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(call.stdin)
  const closed = new Promise((resolve) => child.once('close', resolve))
  const ended = once(child, 'exit')
  const { pid } = child
  if (pid === undefined) return { how: 'unstarted', code: await errorCode(ended) }
  offerFirst(pid)
  return underControl(pid, signal, async (left) => {
    const [code, by] = (await ended) as [number | null, NodeJS.Signals | null]
    const isStopped = signal.aborted
    await left()
    await inTime(closed, drainMs)
    child.stdout?.destroy()
    child.stderr?.destroy()
    return code === null
      ? { how: 'signal', signal: by ?? 'a signal', isStopped }
      : { how: 'exit', code, isStopped }
  })
}

/** Node throws problems that it finds before it tries (a NUL in an argument), and emits the rest. */
function start({ command, args, env, cwd, stdin, user, limiter }: ProgramCall): ChildProcess | string {
  const [file, ...rest] = [...limiter, command, ...args]
  try {
    return spawn(file ?? command, rest, {
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
      cwd,
      env,
      detached: true,
      shell: false,
      stdio: [stdin === null ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
}

/** When memory runs out, the kernel is to end the program, and not this service. */
function offerFirst(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')
  } catch {
    // not Linux, or it has ended already
  }
}

async function errorCode(ended: Promise<unknown>): Promise<string> {
  try {
    await ended
    return 'ESRCH'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'EIO'
  }
}

/** Ends the group of `pid` when `signal` aborts, and when this process exits. `left` ends its remaining processes. */
async function underControl<T>(
  pid: number,
  signal: AbortSignal,
  work: (left: () => Promise<void>) => Promise<T>,
): Promise<T> {
  let killing: NodeJS.Timeout | undefined
  const kill = () => void send(pid, 'SIGKILL')
  const end = () => {
    if (killing === undefined && send(pid, 'SIGTERM')) killing = setTimeout(kill, graceMs)
  }
  trackGroup(pid)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  try {
    return await work(async () => {
      if (!(await isAlive(pid))) return
      end()
      await gone(pid)
    })
  } finally {
    clearTimeout(killing)
    signal.removeEventListener('abort', end)
    groups.delete(pid)
  }
}

/** Those that would outlive this process. */
const groups = new Set<number>()
let isWatching = false

function trackGroup(pid: number): void {
  groups.add(pid)
  if (isWatching) return
  isWatching = true
  process.on('exit', () => {
    for (const group of groups) send(group, 'SIGKILL')
  })
}

/** Resolves when nothing of the group is alive, or soon after it was killed. */
async function gone(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < graceMs + drainMs && (await isAlive(pid)); waitedMs += lookEveryMs)
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
}

/**
 * Whether the group has a process that is not a zombie. Zombies stay if no process waits for them: the first process of a
 * container inherits those of all others, and this one may be it.
 */
async function isAlive(group: number): Promise<boolean> {
  if (!send(group, 0)) return false
  const pids = await readdir('/proc').catch(() => null)
  if (!pids) return true
  const stats = await Promise.all(
    pids
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')),
  )
  // proc(5): "pid (name) state parent group …", and the name may hold anything
  return stats.some((text) => {
    const [state, , found] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return Number(found) === group && state !== 'Z'
  })
}

/** To every process of the group; false: there is none. One that took another user's rights is there, and cannot be told. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error.code === 'EPERM'
    throw error
  }
}

async function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
