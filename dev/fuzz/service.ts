import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { ImageSettings } from './image.ts'

/** A turn of the service's event loop that was late. See probe.cjs. */
export type Turn = { endedAt: number; wallMs: number; cpuMs: number }

export type Service = {
  /** Milliseconds within these two instants in which the event loop was late and not at work: the machine was elsewhere. */
  starvedMs(fromMs: number, toMs: number): number
  /** What the probe and the log have said since the last look. */
  take(): { turns: Turn[]; lines: string[] }
  /** The most memory that it ever had in use, in MiB; null if the system does not tell. */
  peakMb(): Promise<number | null>
  /** How it ended; null: it runs. */
  ended(): string | null
  /** Asks it to go; resolves with how it ended. */
  leave(patienceMs: number): Promise<string>
  kill(): Promise<void>
}

const probe = fileURLToPath(new URL('./probe.cjs', import.meta.url))
const boot = fileURLToPath(new URL('../image/boot.cjs', import.meta.url))

type Start = { dist: string; image: ImageSettings; env: Record<string, string> }

/** The built service, started as the image starts it: the same files, flags and heap. It is never left behind. */
export async function startService({ dist, image, env }: Start): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-fuzz-'))
  await cp(join(dist, 'server.js'), join(folder, 'server.js'))
  await cp(boot, join(folder, 'boot.js'))
  const child = spawn(process.execPath, [...image.flags, '--require', probe, join(folder, 'boot.js')], {
    env: { PATH: '/usr/bin:/bin', NODE_OPTIONS: image.nodeOptions, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const killNow = () => child.kill('SIGKILL')
  process.once('exit', killNow)
  let turns: Turn[] = []
  const late: Turn[] = []
  let lines: string[] = []
  const keep = (line: string) => void lines.push(line)
  createInterface(child.stdout as Readable).on('line', keep)
  createInterface(child.stderr as Readable).on('line', keep)
  createInterface(child.stdio[3] as Readable).on('line', (line) => {
    const turn = JSON.parse(line) as Turn
    turns.push(turn)
    late.push(turn)
  })
  let how: string | null = null
  const gone = once(child, 'close').then(async ([code, signal]) => {
    process.off('exit', killNow)
    how = signal ? `ended by ${String(signal)}` : `ended with status ${String(code)}`
    await rm(folder, { recursive: true, force: true })
    return how
  })
  return {
    starvedMs: (fromMs, toMs) =>
      late
        .filter(({ endedAt }) => endedAt >= fromMs && endedAt <= toMs)
        .reduce((sum, { wallMs, cpuMs }) => sum + Math.max(0, wallMs - cpuMs), 0),
    take() {
      const taken = { turns, lines }
      turns = []
      lines = []
      return taken
    },
    async peakMb() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
      const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
      return kilobytes === undefined ? null : Number(kilobytes) / 1024
    },
    ended: () => how,
    async leave(patienceMs) {
      child.kill('SIGTERM')
      const timer = setTimeout(killNow, patienceMs)
      const end = await gone
      clearTimeout(timer)
      return end
    },
    async kill() {
      killNow()
      await gone
    },
  }
}
