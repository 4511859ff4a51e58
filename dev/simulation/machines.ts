import { createCore, type Core } from '../../src/core.ts'
import { createProjects } from '../../src/access/projects.ts'
import type { Config } from '../../src/ground/config.ts'
import { readConfig } from '../../src/ground/config.ts'
import { listedSoon } from '../../src/arming/listing.ts'
import { sleep } from '../../src/ground/delays.ts'
import { createHolds, type Holds } from '../../src/ground/holds.ts'
import type { DetailedLog } from '../../src/ground/log.ts'
import { createLeases } from '../../src/run/leases.ts'
import { createNasTimer } from '../../src/timers/nas/index.ts'
import type { createSimulatedDatabase } from './database.ts'
import type { BootStore, PauseStore } from './model-store.ts'
import type { Clock } from './clock.ts'
import type { SimulatedNas } from './nas.ts'
import { createProcess, type Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import { createSteps } from './steps.ts'
import type { createSimulatedReceivers } from './receivers.ts'
import type { createSimulatedTarget } from './target.ts'
import type { Trace } from './trace.ts'

type MachinesNeeds = {
  clock: Clock
  random: Random
  scenario: Scenario
  trace: Trace
  isFaulty: () => boolean
  database: ReturnType<typeof createSimulatedDatabase>
  nas: () => SimulatedNas
  target: ReturnType<typeof createSimulatedTarget>
  receivers: ReturnType<typeof createSimulatedReceivers>
}

/** A request to us: `handle` is done by a process; `failed` if none answers (dead, or not reachable). */
export type Request = { handle: (core: Served, process: Process) => Promise<() => void>; failed: () => void }

/** What the routes call. */
export type Served = Core & { projects: ReturnType<typeof projectsOf> }

type Machine = { name: string; boots: number; running: Running | null; waiting: Request[] | null }
type Running = {
  process: Process
  core: Served
  holds: Holds
  inFlight: Set<Request>
  idle: (() => void) | undefined
}

const drainTimeoutMs = 25_000
/** As the routes call it; a resume says of which jobs it promises the wake-ups. */
function projectsOf(
  { projects }: { projects: PauseStore },
  others: Omit<Parameters<typeof createProjects>[0], 'store'>,
) {
  const created = (store: PauseStore) => createProjects({ store: { ...store, ...aboutProjects }, ...others })
  return {
    ...created(projects),
    async resume(name: string) {
      let due: string[] = []
      const resume = async () => {
        const found = await projects.resume(name)
        due = found ?? []
        return found
      }
      return { ...(await created({ ...projects, resume }).resume(name)), due }
    },
  }
}

/** What no decision asks of projects. */
const aboutProjects = {
  owns: async () => true,
  exists: async () => true,
  isOnlyDefault: async () => true,
  remove: async () => false,
  list: async (name: string | null) => [{ ...listedProject, name: name ?? '' }],
}
const listedProject = {
  quotas: { jobs: null, runsPerMinute: null, places: null },
  ...{ jobCount: 0, runsThisMinute: 0, pause: null, createdAt: new Date(0) },
}
const usualConfig = readConfig({
  CRON_PROVIDER: 'chronos',
  NAS_PORTAL_URL: 'https://nas.invalid',
  NAS_AUDIENCE: 'agent:simulated',
  NAS_ACCESS_TOKEN: 'simulated',
  CALLBACK_URL: 'https://chronos.invalid',
})

export type Machines = ReturnType<typeof createMachines>

/** Machines that are off until someone calls: they boot, serve, die, freeze, drain and go when nothing is held. */
export function createMachines(needs: MachinesNeeds) {
  const { clock, random, scenario, trace, isFaulty } = needs
  const config: Config = {
    ...usualConfig,
    runLeaseMs: scenario.leaseMs,
    maxConcurrentRuns: scenario.maxConcurrent,
    sentinel: scenario.sentinel,
    drainTimeoutMs,
  }
  const machines: Machine[] = Array.from({ length: scenario.machines }, (_, n) => ({
    ...{ name: `m${n + 1}`, boots: 0, running: null, waiting: null },
  }))

  /** As the proxy in front does: to a machine that is up, else a stopped one is started. */
  function route(request: Request) {
    const up = machines.filter(({ running }) => running !== null)
    const booting = machines.filter(({ waiting }) => waiting !== null)
    // Now and then the proxy finds the one that is up too busy, and starts another.
    const stopped = machines.filter(({ running, waiting }) => running === null && waiting === null)
    if (up.length > 0 && !(stopped.length > 0 && random.chance(0.1))) return serve(random.pick(up), request)
    if (booting.length > 0) return void random.pick(booting).waiting?.push(request)
    start(random.pick(stopped), request)
  }

  function start(machine: Machine, ...requests: Request[]) {
    machine.waiting = requests
    const fails = isFaulty() && random.chance(scenario.step.diesBefore)
    clock.after(random.between(200, isFaulty() && random.chance(0.05) ? 20_000 : 2_000), () => {
      const waiting = machine.waiting ?? []
      machine.waiting = null
      if (fails) {
        trace(machine.name, 'does not start')
        for (const request of waiting) request.failed()
        return
      }
      boot(machine)
      for (const request of waiting) serve(machine, request)
    })
  }

  function boot(machine: Machine) {
    machine.boots += 1
    const process = createProcess(clock, `${machine.name}.${machine.boots}`)
    const steps = createSteps(process, scenario, { random: random.fork(), trace, isFaulty })
    const holds = createHolds()
    const ids = random.fork()
    const log = (level: string) => (fields: object, message: string) =>
      trace(process.name, `${level}: ${message}`, 'err' in fields ? String(fields.err) : fields)
    const store = needs.database.connect(process, steps)
    const owner = `${machine.name}:${process.name}`
    const errors: DetailedLog = { debug: () => {}, info: () => {}, warn: log('warn'), error: log('error') }
    const core = createCore({
      ...{ config, store, holds, owner, leaving: new AbortController(), log: errors },
      leases: createLeases({ store, owner, delays: process.delays, log: errors }),
      timer: createNasTimer(needs.nas().connect(process, steps), { horizonMs: config.nas.maxHorizonMs }),
      actions: needs.target.connect(process, steps),
      send: needs.receivers.connect(process, steps),
      checkReferences: async () => {},
      delays: process.delays,
      chance: { uuid: ids.uuid, jobId: () => ids.hex(12), fraction: ids.fraction },
    })
    const served = {
      ...core,
      projects: projectsOf(store, { attend: core.attend, holds, delays: process.delays, log: errors }),
    }
    const running: Running = {
      process,
      core: served,
      holds,
      inFlight: new Set(),
      idle: undefined,
    }
    trace(process.name, 'is up')
    machine.running = running
    process.onEnd(() => end(machine, running))
    exitWhenIdle(running)
    void begin(running, store)
    freezeAtTimes(process)
    if (scenario.drainEveryMs > 0 && isFaulty())
      process.after(random.between(1, 2 * scenario.drainEveryMs), () => terminate(running))
  }

  /** As src/app.ts does: the answer to what the machine was started for comes first, and the timer lists before the look. */
  async function begin({ core, process, inFlight }: Running, store: BootStore) {
    const { delays } = process
    for (let waits = 0; waits === 0 || (inFlight.size > 0 && waits < 100); waits++) await sleep(delays, 100)
    const listing = core.schedulers.listAhead()
    const listed = listing && (await listedSoon(listing, delays))
    const seen = await store.lookAtBoot(listed).catch(() => null)
    if (!core.isDraining()) await core.schedulers.start(seen && { ...seen, listing })
  }

  function freezeAtTimes(process: Process) {
    const { freezesEveryMs, freezeMs } = scenario.step
    if (freezesEveryMs === 0 || !isFaulty()) return
    process.after(random.between(1, 2 * freezesEveryMs), () => {
      const ms = random.between(1_000, freezeMs)
      trace(process.name, `freezes for ${ms} ms`)
      process.freeze(ms)
      freezeAtTimes(process)
    })
  }

  function end(machine: Machine, running: Running) {
    trace(running.process.name, 'is gone')
    machine.running = null
    for (const request of running.inFlight) clock.after(1, request.failed)
    // The platform starts what has crashed again, sometimes.
    if (isFaulty() && random.chance(0.4)) start(machine)
  }

  function serve(machine: Machine, request: Request) {
    const { running } = machine
    if (!running) return request.failed()
    const { core, process, inFlight } = running
    inFlight.add(request)
    process.after(1, () => {
      request
        .handle(core, process)
        .then((reply) => {
          if (!process.isAlive()) return
          inFlight.delete(request)
          if (inFlight.size === 0 && running.holds.count() === 0) running.idle?.()
          reply()
        })
        .catch((error: unknown) => {
          throw error
        })
    })
  }

  /** As src/process/idle.ts does, on virtual time. */
  function exitWhenIdle(running: Running) {
    const { process, holds, core, inFlight } = running
    if (scenario.idleExitMs === 0) return
    let takeBack = () => {}
    const wait = () => {
      takeBack()
      takeBack = process.after(scenario.idleExitMs, () => void leave())
    }
    const isBusy = () => holds.count() > 0 || inFlight.size > 0
    async function leave() {
      if (isBusy()) return
      const { armsOwed } = await needs.database
        .connect(process, { take: () => process.isAlive() })
        .readCounts({ isNasUsed: true })
        .catch(() => ({ armsOwed: 1 }))
      if (armsOwed > 0 || isBusy()) return isBusy() ? undefined : wait()
      trace(process.name, 'is idle')
      await core.drain()
      process.kill()
    }
    running.idle = wait
    holds.onFree(wait)
    process.after(scenario.bootGraceMs, holds.take('timer'))
  }

  function terminate({ process, core }: Running) {
    if (!process.isAlive() || core.isDraining()) return
    trace(process.name, 'is told to go (SIGTERM)')
    void core.drain().then(process.kill)
    // What outlives the platform's patience is killed.
    process.after(drainTimeoutMs + 10_000, process.kill)
  }

  return {
    route,
    processes: () => machines.flatMap(({ running }) => (running ? [running.process] : [])),
    states: () => machines.map(({ running }) => running?.holds.byKind() ?? null),
  }
}
