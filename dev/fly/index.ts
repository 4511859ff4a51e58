/** The door of local Fly: a proxy and machines that behave as Fly's do, for tests and demonstrations. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-port.ts'
import { type Bill, createEvents, type Events, type FlyEvent } from './events.ts'
import { createMachine, type Image, type Machine, type MachineSettings } from './machine.ts'
import { type ProxySettings, startProxy } from './proxy.ts'

export type { Bill, FlyEvent } from './events.ts'
export type { Image, Machine } from './machine.ts'

/** Probes that do not come through the proxy: they wake nothing, and count for nothing. */
export type Check = { path: string; everyMs: number; port?: (machine: Machine) => number }

export type FlyOptions = {
  image: Image
  /** What every machine's process gets; asked for at each start. */
  env: (machine: { id: string; port: number }) => Record<string, string>
  machines?: number
  /** What an autostop pass does with a machine without proxied load. */
  autoStop?: 'off' | 'stop' | 'suspend'
  autoStopEveryMs?: number
  checks?: Check[]
  settings?: Partial<MachineSettings & ProxySettings>
  /** Where the proxy listens; default: a free port. */
  port?: number
  onSuspend?: (machine: { id: string; port: number }) => void
  print?: (event: FlyEvent) => void
  /** Each line that a machine's process writes. */
  log?: (machine: string, line: string) => void
}

export type Fly = {
  /** The address of the app: what NAS calls. */
  url: string
  machines: Machine[]
  events: readonly FlyEvent[]
  until: Events['until']
  bill(): Bill
  loseAnswers(count: number): void
  /**
   * Runs the release command, then gives every machine the image: one that is up is stopped and started again, one
   * that is not stays down, so no one has tried the image there. False: the release command failed, nothing changed.
   */
  deploy(image: Image, release?: Image): Promise<boolean>
  close(): Promise<void>
}

const usual: MachineSettings & ProxySettings = {
  killSignal: 'SIGINT',
  killTimeoutMs: 5_000,
  restart: 'on-failure',
  restartDelayMs: 100,
  sleptMs: 0,
  stepClockAfterMs: 500,
  clocks: false,
  connectMs: 8_000,
  resends: 2,
  softLimit: 20,
}

/** Starts an app: its machines are all stopped, and the proxy listens. */
export async function startFly(options: FlyOptions): Promise<Fly> {
  const { image, env, machines: count = 1, autoStop = 'off', autoStopEveryMs = 60_000, checks = [] } = options
  const settings = { ...usual, ...options.settings }
  const folder = await mkdtemp(join(tmpdir(), 'local-fly-'))
  const events = createEvents(options.print)
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()))
  const machines = ports.map((port, index) => {
    const id = `m${index + 1}`
    const onSuspend = () => options.onSuspend?.({ id, port })
    return createMachine({
      id,
      port,
      image,
      folder,
      settings,
      events,
      onSuspend,
      log: (line) => options.log?.(id, line),
      env: () => env({ id, port }),
    })
  })
  const proxy = await startProxy({ machines, settings, events, ...(options.port && { port: options.port }) })
  const timers = checks.map((check) => setInterval(() => void probe(machines, check), check.everyMs))
  if (autoStop !== 'off') timers.push(setInterval(() => autoStopPass(machines, autoStop), autoStopEveryMs))

  async function deploy(next: Image, release?: Image) {
    events.add(null, 'deploy', next.name)
    if (release && (await runToEnd(release, env({ id: 'release', port: 0 }))) !== 0) {
      events.add(null, 'deploy', `${next.name}: the release command failed`)
      return false
    }
    for (const machine of machines) {
      const wasUp = machine.state() === 'started'
      await machine.stop(`deploy of ${next.name}`)
      machine.setImage(next)
      if (wasUp) machine.start(`deploy of ${next.name}`)
    }
    return true
  }

  return {
    ...{ url: proxy.url, machines, deploy, events: events.entries, until: events.until },
    ...{ bill: events.bill, loseAnswers: proxy.loseAnswers },
    async close() {
      for (const timer of timers) clearInterval(timer)
      settings.restart = 'no'
      await proxy.close()
      settings.killTimeoutMs = Math.min(settings.killTimeoutMs, 3_000)
      await Promise.all(machines.map((machine) => machine.stop('the end')))
      await rm(folder, { recursive: true })
    },
  }
}

/** Fly looks every few minutes, and at proxied load only: a run that goes on after its 202 is nothing to it. */
function autoStopPass(machines: Machine[], how: 'stop' | 'suspend') {
  for (const machine of machines) {
    if (machine.state() !== 'started' || machine.load > 0) continue
    if (how === 'suspend') machine.suspend()
    else void machine.stop('autostop')
  }
}

async function probe(machines: Machine[], { path, port = (machine) => machine.port }: Check) {
  for (const machine of machines) {
    if (machine.state() !== 'started') continue
    await fetch(`http://127.0.0.1:${port(machine)}${path}`, { signal: AbortSignal.timeout(1_000) })
      .then((answer) => answer.text())
      .catch(() => null)
  }
}

async function runToEnd(
  { program, args = [], env: own }: Image,
  env: Record<string, string>,
): Promise<number> {
  const child = spawn(process.execPath, [program, ...args], { env: { ...env, ...own }, stdio: 'ignore' })
  const [code] = (await once(child, 'close')) as [number | null]
  return code ?? 1
}
