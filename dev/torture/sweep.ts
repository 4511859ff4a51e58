import type { TestDatabase } from '../../test/support/database.ts'
import type { Witness } from './effects.ts'
import { killPoints, playOnce } from './kill.ts'
import { addJudgement, emptyJudgement, type Judged } from './oracle.ts'
import type { Scenario } from './scenario.ts'
import type { KillPoint } from './steps.ts'
import type { StartOutside } from './timers/outside.ts'
import { addTold, emptyTold, type Told } from './told.ts'
import type { WorldOptions } from './world.ts'

/** One line of the report. */
export type Row = {
  scenario: string
  retries: boolean
  /** Steps of a quiet repetition. */
  steps: number
  repetitions: number
  kills: number
  judged: Judged
  told: Told
  failures: Failure[]
}

export type Failure = {
  scenario: string
  retries: boolean
  kills: string
  problems: string[]
  story: string[]
}

export type Sweep = {
  scenario: Scenario
  retries: boolean
  database: TestDatabase
  witness: Witness
  startTimer?: StartOutside
  world?: Partial<WorldOptions>
  /** Which of the kill points are tried; default all. */
  choose?: (points: KillPoint[]) => KillPoint[][]
}

const singly = (points: KillPoint[]) => points.map((point) => [point])

/** Plays a scenario once undisturbed and then once for each choice of kill points. */
export async function sweep({ choose = singly, ...play }: Sweep): Promise<Row> {
  const { scenario, retries } = play
  const row: Row = {
    scenario: scenario.name,
    retries,
    steps: 0,
    repetitions: 0,
    kills: 0,
    judged: emptyJudgement(),
    told: emptyTold(),
    failures: [],
  }
  const once = async (kills: KillPoint[]) => {
    const repetition = await playOnce({ ...play, kills })
    const { labels, judged, problems, story } = repetition
    row.repetitions += 1
    row.kills += repetition.kills
    addJudgement(row.judged, judged)
    addTold(row.told, repetition.told)
    if (problems.length > 0)
      row.failures.push({
        scenario: scenario.name,
        retries,
        kills: nameKills(kills, labels),
        problems,
        story,
      })
    return labels.length
  }
  row.steps = await once([])
  for (const kills of choose(killPoints(row.steps))) await once(kills)
  return row
}

function nameKills(kills: KillPoint[], labels: string[]): string {
  const nameOf = (kill: KillPoint) =>
    `${kill.when} ${'at' in kill ? kill.at : `${kill.step} ${labels[kill.step - 1] ?? ''}`}`
  return kills.map(nameOf).join(', ') || 'none'
}

/** Numbers at or above 0 and below 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** So many of the points, drawn without replacement. */
export function some(points: KillPoint[], count: number, random: () => number): KillPoint[][] {
  const left = [...points]
  const drawn: KillPoint[][] = []
  while (drawn.length < count && left.length > 0) {
    drawn.push(left.splice(Math.floor(random() * left.length), 1))
  }
  return drawn
}

/** So many choices of two or three deaths in one repetition, `most` at most: the process that comes after the first dies as well. */
export function several(
  points: KillPoint[],
  count: number,
  random: () => number,
  most: number = 3,
): KillPoint[][] {
  const last = points.length / 2
  return Array.from({ length: count }, () => {
    const deaths = random() < 0.7 ? 2 : most
    let step = 0
    return Array.from({ length: deaths }, (): KillPoint => {
      step += 1 + Math.floor(random() * (last / deaths))
      return { step, when: random() < 0.5 ? 'before' : 'after' }
    })
  })
}
