import { createLedger } from '../../src/jobs/ledger.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { paths, type Witness } from './effects.ts'
import { checkArms, checkAsleep, needless } from './invariants.ts'
import { emptyJudgement, type Judged, judge } from './oracle.ts'
import { at, type JobMaker, type Scenario, startsAt } from './scenario.ts'
import type { KillPoint } from './steps.ts'
import type { StartOutside } from './timers/outside.ts'
import { createStory } from './story.ts'
import { emptyTold, isAllTold, judgeTold, type Told } from './told.ts'
import { createWorld, emptyDatabase, type World, type WorldOptions } from './world.ts'

export type Repetition = {
  /** The steps that were made while they were counted. */
  labels: string[]
  kills: number
  boots: number
  judged: Judged
  /** What followed from its outcomes. */
  told: Told
  /** Broken invariants; empty where all held. */
  problems: string[]
  /** Where something is broken: what processes said, and the tables at the end. */
  story: string[]
}

export type Play = {
  scenario: Scenario
  /** Attempts are repeated, after 5 s (the scenario's own policy goes first). */
  retries: boolean
  kills: KillPoint[]
  database: TestDatabase
  witness: Witness
  /** Default: the local NAS. */
  startTimer?: StartOutside
  world?: Partial<WorldOptions>
}

const retryPolicy = {
  attempts: 4,
  delayMs: 5_000,
  backoff: 'fixed',
  on: ['failed', 'timed_out', 'interrupted'],
  maxDelayMs: 5_000,
}
/** Long enough for the lease of a process that died last, and for the retry after it. */
const leastQuietMs = 150_000
/** The third try of QStash comes five minutes after the second one, where that of NAS comes within seconds. */
const longestGapMs = 5 * 60_000
/** A delivery that has been tried often waits for hours. */
const mostQuietMs = 3 * 3_600_000

/** Plays a scenario once in an empty database, with processes that die at `kills`, and judges what came of it. */
export async function playOnce({
  scenario,
  retries,
  kills,
  database,
  witness,
  startTimer,
  world: more = {},
}: Play): Promise<Repetition> {
  await emptyDatabase(database)
  const story = createStory(() => world.now())
  const world = await createWorld({
    ...{ database, target: witness.target, start: startsAt, onAsleep: checkAsleep, log: story.log },
    ...(startTimer && { startTimer }),
    ...scenario.world,
    ...more,
  })
  witness.begin(world.now, {
    called: (call) => scenario.called?.(world, call),
    refuses: scenario.refuses,
  })
  const maker = createMaker(world, retries)
  try {
    await scenario.prepare?.(world, maker.job)
    world.steps.begin(kills)
    await scenario.play(world, maker.job)
    const labels = world.steps.labels()
    const killed = world.steps.kills()
    world.steps.begin([])
    await scenario.finish?.(world, maker.job)
    await comeToRest(world)
    await checkArms(world, { deaths: killed })
    const judging = { maker, witness, deaths: killed, retries: retries || scenario.retries === true }
    const judged = await judgeJob(world, judging)
    const told = maker.isGone() ? emptyTold() : await judgeTold(world, witness)
    const problems = [...world.problems, ...judged.problems]
    return {
      ...{ labels, kills: killed, boots: world.boots(), judged, told, problems },
      story: problems.length > 0 ? await story.tell(world, labels) : [],
    }
  } finally {
    await world.close()
  }
}

/** Lets the clock go on until whatever a death left behind is settled, all is told and no process is up. */
async function comeToRest(world: World) {
  await world.until(new Date(world.now().getTime() + leastQuietMs))
  const nowMs = world.now().getTime()
  const [endMs, triesUntilMs] = [nowMs + mostQuietMs, nowMs + longestGapMs]
  while (world.now().getTime() < endMs && !(await isAtRest(world, triesUntilMs))) {
    await world.until(new Date(world.now().getTime() + 10_000))
  }
  if (world.machines().length > 0) {
    const held = world.machines().map(({ holds }) => JSON.stringify(holds.byKind()))
    world.problems.push(`a process is still up at ${world.now().toISOString()}: ${held.join(' ')}`)
  }
}

/** No process is up, nothing is left to tell, and the timer owes no further try that is worth waiting for. */
async function isAtRest(world: World, triesUntilMs: number): Promise<boolean> {
  if (world.machines().length > 0 || !(await isAllTold(world))) return false
  if (world.now().getTime() > triesUntilMs) return true
  return (await world.outside.held()).every(({ tries, isWaiting }) => tries === 0 || !isWaiting)
}

type Maker = { job: JobMaker; dueAt: Date[]; isGone(): boolean; made(): string | null }

function createMaker(world: World, retries: boolean): Maker {
  const dueAt: Date[] = []
  let id: string | null = null
  let isGone = false
  return {
    dueAt,
    isGone: () => isGone,
    made: () => id,
    job: {
      async make({ policy = {}, action = {}, ...fields }) {
        id = await world.client.create({
          ...fields,
          action: { type: 'http', url: `${world.target.url}${paths.called}`, ...(action as object) },
          policy: { ...(retries ? { retry: retryPolicy } : {}), ...(policy as object) },
        })
        return id
      },
      async follow({ on, policy = {}, action = {}, ...fields }) {
        return world.client.create({
          ...fields,
          schedule: null,
          after: { job: id ?? '', on },
          action: { type: 'http', url: `${world.target.url}${paths.called}`, ...(action as object) },
          policy: { ...(retries ? { retry: retryPolicy } : {}), ...(policy as object) },
        })
      },
      id() {
        if (id === null) throw new Error('the job was never made')
        return id
      },
      due: (...minutes) => void dueAt.push(...minutes.map((minute) => at(minute))),
      gone() {
        isGone = true
      },
    },
  }
}

type Judging = { maker: Maker; witness: Witness; deaths: number; retries: boolean }

async function judgeJob(world: World, { maker, witness, deaths, retries }: Judging): Promise<Judged> {
  const id = maker.made()
  const none = emptyJudgement()
  if (id === null) return { ...none, problems: ['the client never got an answer'] }
  if (maker.isGone()) return judgeGone(world, id, { witness, deaths })
  const last = maker.dueAt.at(-1) ?? at(0)
  const until = new Date(last.getTime() + 60_000)
  const { items: ledger } = await createLedger({ store: world.store })(id, {
    ...{ from: at(0), to: until },
    limit: 1_000,
  })
  const effects = witness
    .effects()
    .filter(({ jobId, slot }) => slot === null || (jobId === id && new Date(slot) < until))
  return judge({ due: maker.dueAt, ledger, effects, retries })
}

/** Of a job that was deleted nothing may happen any more. */
async function judgeGone(
  world: World,
  id: string,
  { witness, deaths }: Pick<Judging, 'witness' | 'deaths'>,
): Promise<Judged> {
  const judged = emptyJudgement()
  const late = witness.effects().filter(({ atMs }) => atMs > at(6).getTime())
  judged.extra = late.length
  if (late.length > 0) judged.problems.push(`the deleted job ${id} was called ${late.length} times`)
  if (await world.store.look(id)) judged.problems.push(`job ${id} is still there`)
  const held = (await world.outside.held()).filter(({ jobId }) => jobId === id)
  if (held.length > needless(world, deaths))
    judged.problems.push(`${world.outside.title} still holds ${held.length} wake-ups of job ${id}`)
  return judged
}

/** A kill before and one after each step that a quiet repetition makes. */
export function killPoints(steps: number): KillPoint[] {
  return Array.from({ length: steps }, (_, index) => index + 1).flatMap((step): KillPoint[] => [
    { step, when: 'before' },
    { step, when: 'after' },
  ])
}
