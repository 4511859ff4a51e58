import { type Bench, type BenchNeeds, createBench, OptionMissing } from './kit/bench.ts'
import type { Clause, Group, Need } from './kit/clause.ts'
import type { Nas } from './kit/nas.ts'
import { Tries } from './kit/tries.ts'
import type { World } from './kit/world.ts'

export type Side = 'service' | 'nas'
export type Result = { clause: string; side: Side; ms: number } & ({ tries: Tries } | { untried: string })

/** What there is to try clauses on. A side without `shared` and without the right to start its own is not tried. */
export type Setting = BenchNeeds & {
  sides: Side[]
  /** Services and timer services may be started here. */
  startsOwn: { service: boolean; nas: boolean }
  /** The service that was pointed at, and what it has not; null: one is started for each group. */
  pointedAt: { world: World; missing: Partial<Record<Need, string>> } | null
  /** The timer service that was pointed at; null: one is started for each group. */
  pointedNas: Nas | null
  only: (clause: string, group: string) => boolean
  onResult?: (result: Result) => void
}

type Task = { waits: number; run: () => Promise<void> }

/** Beyond this many at once the machine is tested, not the service. Those that wait need little of it. */
const workingAtOnce = 4
const waitingAtOnce = 8

/** Tries every chosen clause on each side that it speaks about. */
export async function tryClauses(groups: Group[], setting: Setting): Promise<Result[]> {
  const results: Result[] = []
  const bench = createBench(setting)
  const done = (result: Result) => {
    results.push(result)
    setting.onResult?.(result)
  }
  const chosen = groups.map(({ name, clauses }) => clauses.filter((it) => setting.only(it.name, name)))
  // what shares a service shares its portal too: a service that was pointed at is one for all groups
  const shared = setting.pointedAt ? [chosen.flat()] : chosen
  const tasks = [
    ...chosen.flatMap((clauses) => ownTasks(clauses, bench, setting, done)),
    ...(setting.sides.includes('service')
      ? shared.flatMap((clauses) => sharedService(clauses, bench, setting, done))
      : []),
    ...(setting.sides.includes('nas')
      ? chosen.flatMap((clauses) => sharedNas(clauses, bench, setting, done))
      : []),
  ]
  const working = tasks.filter((it) => it.waits === 0)
  const waiting = tasks.filter((it) => it.waits > 0).sort((one, other) => other.waits - one.waits)
  await Promise.all([take(working, workingAtOnce), take(waiting, waitingAtOnce)])
  return results
}

async function take(tasks: Task[], atOnce: number): Promise<void> {
  const worker = async () => {
    for (let task = tasks.shift(); task; task = tasks.shift()) await task.run()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

type Done = (result: Result) => void

function ownTasks(clauses: Clause[], bench: Bench, { startsOwn, sides: asked }: Setting, done: Done): Task[] {
  return clauses.flatMap((clause) => {
    const sides = [
      { side: 'service' as const, check: clause.own, may: startsOwn.service },
      { side: 'nas' as const, check: clause.ownNas, may: startsOwn.nas },
    ]
    return sides.flatMap(({ side, check, may }) => {
      if (!check || !asked.includes(side)) return []
      const why = `it needs a ${side === 'nas' ? 'timer service' : 'service'} started with settings of its own`
      const run = async () =>
        done(may ? await attempt(clause, side, (t) => check(t, bench)) : untried(clause, side, why))
      return [{ waits: clause.waits ?? 0, run }]
    })
  })
}

/** One after the other on one service, so that each may change how the portal behaves. */
function sharedService(
  clauses: Clause[],
  bench: Bench,
  { pointedAt, startsOwn }: Setting,
  done: Done,
): Task[] {
  const shared = clauses.filter((it) => it.service)
  if (shared.length === 0) return []
  const tryAll = async (world: World, missing: Partial<Record<Need, string>>) => {
    for (const clause of shared) {
      const { check, needs } = clause.service!
      const lacks = needs.flatMap((need) => missing[need] ?? [])
      if (lacks.length > 0) done(untried(clause, 'service', `it needs ${lacks.join(' and ')}`))
      else done(await attempt(clause, 'service', (t) => check(t, world, bench)))
      world.portal.behave()
    }
  }
  const run = async () => {
    if (pointedAt) return tryAll(pointedAt.world, pointedAt.missing)
    if (!startsOwn.service) return shared.forEach((it) => done(untried(it, 'service', 'none is tried')))
    try {
      await bench.withWorld({}, (world) => tryAll(world, {}))
    } catch (error) {
      done(broken(shared[0]!, 'service', error))
    }
  }
  return [{ waits: 0, run }]
}

function sharedNas(clauses: Clause[], bench: Bench, { pointedNas, startsOwn }: Setting, done: Done): Task[] {
  const shared = clauses.filter((it) => it.nas)
  if (shared.length === 0) return []
  const tryAll = async (nas: Nas) => {
    for (const clause of shared) done(await attempt(clause, 'nas', (t) => clause.nas!(t, nas)))
  }
  const run = async () => {
    if (pointedNas) return tryAll(pointedNas)
    if (!startsOwn.nas) return shared.forEach((it) => done(untried(it, 'nas', 'no timer service is tried')))
    try {
      await bench.withNas([], tryAll)
    } catch (error) {
      done(broken(shared[0]!, 'nas', error))
    }
  }
  return [{ waits: 0, run }]
}

async function attempt(clause: Clause, side: Side, check: (t: Tries) => Promise<void>): Promise<Result> {
  const startedAt = performance.now()
  const tries = new Tries()
  try {
    await check(tries)
  } catch (error) {
    if (error instanceof OptionMissing) return untried(clause, side, error.message)
    tries.broke(error)
  }
  return { clause: clause.name, side, tries, ms: performance.now() - startedAt }
}

function untried(clause: Clause, side: Side, why: string): Result {
  return { clause: clause.name, side, untried: why, ms: 0 }
}

function broken(clause: Clause, side: Side, error: unknown): Result {
  const tries = new Tries()
  tries.broke(error)
  return { clause: clause.name, side, tries, ms: 0 }
}
