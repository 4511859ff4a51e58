import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { nodeEnv, nodeFlags } from './programs.ts'
import { freePort } from '../dev/free-port.ts'

export type Running = {
  url: string
  port: number
  pid: number
  /** `performance.now()` of the spawn, and milliseconds from then until its port took a connection. */
  spawnedAt: number
  listeningMs: number
  /** That first connection; close it, or send on it. */
  socket: Socket
  /** Megabytes: what is resident now, and the most that ever was. */
  memory(): { rssMb: number; peakMb: number }
  /** Milliseconds of processor time so far, of all its threads. */
  cpuMs(): number
  stop(): Promise<void>
}

type Start = { program: string; env: Record<string, string>; args?: string[]; port?: number }

/** Starts a server on loopback (default: on a free port) and resolves as soon as the kernel lets someone in. */
export async function start({ program, env, args = [], port: given }: Start): Promise<Running> {
  const port = given ?? (await freePort())
  const spawnedAt = performance.now()
  const child = spawn(process.execPath, [...nodeFlags, ...args, program], {
    env: {
      PATH: process.env['PATH'],
      ...nodeEnv,
      HOST: '127.0.0.1',
      TARGET_ALLOW: '127.0.0.0/8',
      PORT: String(port),
      LOG_LEVEL: 'fatal',
      ...env,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const socket = await firstConnection(port, child)
  const pid = child.pid as number
  return {
    ...{ url: `http://127.0.0.1:${port}`, port, pid, spawnedAt, socket },
    listeningMs: performance.now() - spawnedAt,
    memory: () => memoryOf(pid),
    cpuMs: () => cpuMsOf(pid),
    async stop() {
      socket.destroy()
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function firstConnection(port: number, child: ChildProcess): Promise<Socket> {
  const giveUpAt = performance.now() + 20_000
  while (performance.now() < giveUpAt) {
    if (child.exitCode !== null) throw new Error(`the server ended with status ${child.exitCode}`)
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const isIn = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (isIn) return socket
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error('the server did not listen within 20 s')
}

function memoryOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
  return { rssMb: mb('VmRSS'), peakMb: mb('VmHWM') }
}

/** utime and stime of /proc/<pid>/stat, in ticks of 10 ms. */
export function cpuMsOf(pid: number) {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const fields = rest.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
