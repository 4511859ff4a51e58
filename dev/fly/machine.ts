import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Events } from './events.ts'

/** `lost`: the host has died; nothing can be done with the machine until it is back. */
export type MachineState = 'stopped' | 'started' | 'stopping' | 'suspended' | 'lost'

/** What a machine runs. Paths are absolute. */
export type Image = { name: string; program: string; args?: string[]; env?: Record<string, string> }

export type Machine = {
  id: string
  port: number
  state(): MachineState
  /** Proxied requests that are not answered yet: all that Fly takes for load. */
  load: number
  /** Every line that its processes wrote, oldest first. */
  lines: string[]
  pid(): number | null
  /** Boots it, or wakes it from a suspension; nothing if it is up. */
  start(why: string): void
  /** `kill_signal`, and SIGKILL after `kill_timeout`. Resolves when it is stopped. */
  stop(why: string): Promise<void>
  suspend(): void
  /** SIGKILL, as by the kernel for want of memory; the restart policy decides what follows. */
  crash(): void
  lose(): void
  comeBack(): void
  setImage(image: Image): void
}

export type MachineSettings = {
  killSignal: 'SIGINT' | 'SIGTERM'
  killTimeoutMs: number
  restart: 'on-failure' | 'no'
  /** Between an exit that failed and the restart. */
  restartDelayMs: number
  /** What a resumed machine's clocks are behind by, as if it had slept so long; the wall clock until it is stepped. */
  sleptMs: number
  stepClockAfterMs: number
  /** Load the clocks that can be behind (costs 20 ms of a boot). */
  clocks: boolean
}

type MachineNeeds = {
  id: string
  port: number
  image: Image
  folder: string
  settings: MachineSettings
  events: Events
  /** Each line that its processes write. */
  log: (line: string) => void
  /** Called as the machine is suspended: its sockets are dead from then on. */
  onSuspend: () => void
  env: () => Record<string, string>
}

const restartsMax = 10
const clockProgram = new URL('./clock.mjs', import.meta.url).href

/** One machine: a process that is not there most of the time. */
export function createMachine(needs: MachineNeeds): Machine {
  const { id, port, settings, events } = needs
  const clockFile = join(needs.folder, `${id}.clock`)
  const lines: string[] = []
  let { image } = needs
  let state: MachineState = 'stopped'
  let child: ChildProcess | null = null
  let restarts = 0
  let monotonicLagMs = 0

  function boot(why: string) {
    state = 'started'
    monotonicLagMs = 0
    setClocks(0)
    events.awake(id)
    events.add(id, 'start', why)
    const clocks = settings.clocks ? ['--import', clockProgram] : []
    const booted = spawn(process.execPath, [...clocks, image.program, ...(image.args ?? [])], {
      env: { ...needs.env(), ...image.env, FLY_MACHINE_ID: id, FLY_CLOCK: clockFile, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = booted
    for (const output of [booted.stdout, booted.stderr])
      createInterface(output).on('line', (line) => {
        lines.push(line)
        needs.log(line)
      })
    void once(booted, 'close').then(([code, signal]) =>
      ended(booted, code as number | null, signal as string | null),
    )
  }

  function ended(booted: ChildProcess, code: number | null, signal: string | null) {
    if (child !== booted) return
    child = null
    events.asleep(id)
    const wasStopping = state === 'stopping'
    if (state !== 'lost') state = 'stopped'
    events.add(id, 'exit', signal ?? String(code))
    const isFailure = code !== 0 && !wasStopping && state === 'stopped'
    if (code === 0) restarts = 0
    if (!isFailure || settings.restart === 'no' || restarts >= restartsMax) return
    restarts += 1
    void delay(settings.restartDelayMs).then(() => {
      if (state === 'stopped' && child === null && settings.restart !== 'no') {
        events.add(id, 'restart', `after ${signal ?? code}`)
        boot('restart on failure')
      }
    })
  }

  function setClocks(wallLagMs: number) {
    if (settings.clocks)
      writeFileSync(clockFile, new Uint8Array(new Float64Array([wallLagMs, monotonicLagMs]).buffer))
  }

  function resume(why: string) {
    monotonicLagMs += settings.sleptMs
    setClocks(settings.sleptMs)
    state = 'started'
    events.awake(id)
    events.add(id, 'resume', why)
    child?.kill('SIGCONT')
    const resumed = child
    if (settings.sleptMs > 0)
      void delay(settings.stepClockAfterMs).then(() => {
        if (child !== resumed) return
        setClocks(0)
        events.add(id, 'clock', 'the wall clock is stepped')
      })
  }

  async function stop(why: string) {
    const stopping = child
    if (!stopping || (state !== 'started' && state !== 'suspended')) return
    if (state === 'suspended') stopping.kill('SIGCONT')
    state = 'stopping'
    events.add(id, 'signal', `${settings.killSignal} (${why})`)
    stopping.kill(settings.killSignal)
    const gone = once(stopping, 'close')
    const timer = setTimeout(() => {
      events.add(id, 'kill', `SIGKILL after ${settings.killTimeoutMs} ms`)
      stopping.kill('SIGKILL')
    }, settings.killTimeoutMs)
    await gone
    clearTimeout(timer)
  }

  return {
    ...{ id, port, lines, stop, load: 0 },
    state: () => state,
    pid: () => child?.pid ?? null,
    start(why) {
      if (state === 'stopped') boot(why)
      if (state === 'suspended') resume(why)
    },
    suspend() {
      if (state !== 'started') return
      state = 'suspended'
      child?.kill('SIGSTOP')
      events.asleep(id)
      events.add(id, 'suspend')
      needs.onSuspend()
    },
    crash() {
      events.add(id, 'kill', 'SIGKILL by the kernel')
      child?.kill('SIGKILL')
    },
    lose() {
      state = 'lost'
      events.add(id, 'lost', 'its host has died')
      child?.kill('SIGKILL')
    },
    comeBack() {
      if (state !== 'lost') return
      state = 'stopped'
      events.add(id, 'back')
    },
    setImage(next) {
      image = next
    },
  }
}
