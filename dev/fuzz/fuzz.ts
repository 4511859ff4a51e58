import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { type Group, groupsOf } from './group.ts'
import { createJudge, emptyTotals, type Finding, type Judge, type Totals } from './judge.ts'
import { readDescription } from './operations.ts'
import { play } from './play.ts'
import { type Setting, startWorld, type World } from './world.ts'

export type Case = { seed: number; findings: Finding[]; group: Group }
export type FuzzResult = { totals: Totals; findings: Finding[]; found: Case | null; isRepeated: boolean }

type Wish = {
  seed: number
  seconds: number
  groups: number
  isShrunk: boolean
  shrinkingMs: number
  say: (line: string) => void
}

/** So many groups back the cause of a finding is looked for: jobs and deliveries of earlier ones go on meanwhile. */
const looksBack = 8
/** A try to deliver takes 20 s at most. */
const quietMs = 30_000
/** After one of these the service is another one than before. */
const marking: Finding['what'][] = ['memory', 'ended', 'unsettled', 'hung', 'log']

/**
 * Plays generated groups until the time is over or something is found; that is then repeated alone on a fresh service,
 * and made smaller.
 */
export async function fuzz(setting: Setting, wish: Wish): Promise<FuzzResult> {
  const { say } = wish
  const totals = emptyTotals()
  const stage = createStage(setting, totals)
  try {
    const groups = groupsOf(await stage.describe())
    let last: Finding[] = []
    const property = fc.asyncProperty(groups, async (group) => {
      last = await stage.play(group)
      if (last.length === 0 && totals.groups % 10 === 0) say(progress(totals))
      if (last.length > 0) throw new Found()
    })
    const checked = await fc.check(property, {
      seed: wish.seed,
      numRuns: Math.min(wish.groups, 1_000_000),
      interruptAfterTimeLimit: wish.seconds * 1_000,
      endOnFailure: true,
    })
    notOurs(checked)
    const cut = await stage.idle()
    if (!checked.failed || checked.counterexample === null) {
      const findings = [...cut, ...(await stage.finish())]
      return { totals, findings, found: null, isRepeated: false }
    }
    const findings = last
    const [asFound] = checked.counterexample
    say(`found: ${findings.map(({ what, says }) => `${what}: ${says}`).join('\n  ')}`)
    if (!wish.isShrunk)
      return { totals, findings, found: { seed: wish.seed, findings, group: asFound }, isRepeated: false }
    const smaller = await shrink(groups, Number(checked.counterexamplePath?.split(':')[0]), {
      stage,
      findings,
      ...wish,
    })
    return {
      totals,
      findings,
      found: smaller ?? { seed: wish.seed, findings, group: asFound },
      isRepeated: smaller !== null,
    }
  } finally {
    await stage.close()
  }
}

class Found extends Error {}

/** What breaks here is a fault of this program. */
function notOurs({ errorInstance }: { errorInstance?: unknown }): void {
  if (errorInstance instanceof Error && !(errorInstance instanceof Found)) throw errorInstance
}

type Shrinking = Wish & { stage: Stage; findings: Finding[] }

/** The group, or one of those before it, that shows one of the findings by itself, made smaller. Null: none does. */
async function shrink(
  groups: fc.Arbitrary<Group>,
  index: number,
  { stage, findings, seed, say, shrinkingMs }: Shrinking,
): Promise<Case | null> {
  const kinds = new Set(findings.map(({ what }) => what))
  for (let at = index; at >= Math.max(0, index - looksBack); at--) {
    let seen: Finding[] = []
    let smallest: Group | null = null
    let isSuspect = true
    let trying: Promise<void> = Promise.resolve()
    const show = async (group: Group) => {
      if (isSuspect) await stage.refresh()
      const again = (await stage.playAlone(group)).filter(({ what }) => kinds.has(what))
      isSuspect = again.some(({ what }) => marking.includes(what))
      if (again.length === 0) return
      seen = again
      smallest = group
      say(`  shown by ${group.calls.length} requests and ${group.outings.length} jobs: ${again[0]?.says}`)
      throw new Found()
    }
    const property = fc.asyncProperty(groups, (group) => (trying = show(group)))
    const checked = await fc.check(property, {
      seed,
      path: String(at),
      numRuns: 1,
      interruptAfterTimeLimit: shrinkingMs,
      markInterruptAsFailure: true,
    })
    notOurs(checked)
    // a time limit lets the group that is being shown go on, and it may be the smallest one
    await trying.catch(() => undefined)
    if (smallest) return { seed, findings: seen, group: smallest }
    say(`  group ${at} does not show it alone`)
  }
  return null
}

/** Plays one saved group on a fresh service, so many times at most. */
export async function replay(setting: Setting, { group, findings }: Case, most = 5): Promise<FuzzResult> {
  const totals = emptyTotals()
  const stage = createStage(setting, totals)
  try {
    for (let times = 0; times < most; times++) {
      const again = await stage.playAlone(group)
      if (again.length > 0) return { totals, findings: again, found: null, isRepeated: true }
    }
    const atEnd = await stage.finish()
    const isRepeated = atEnd.some(({ what }) => findings.some((one) => one.what === what))
    return { totals, findings: atEnd, found: null, isRepeated }
  } finally {
    await stage.close()
  }
}

type Stage = ReturnType<typeof createStage>

/** The world in which groups are played, one after the other; a new one after a finding. */
function createStage(setting: Setting, totals: Totals) {
  let current: { world: World; judge: Judge } | null = null
  let playing: Promise<Finding[]> = Promise.resolve([])

  async function open() {
    if (current) return current
    const world = await startWorld(setting)
    current = { world, judge: createJudge(world, setting.image, totals) }
    return current
  }

  async function playOne(group: Group): Promise<Finding[]> {
    const { world, judge } = await open()
    const ofAnswers = await play(group, world, totals)
    totals.groups += 1
    const findings = [...ofAnswers, ...(await judge.look())]
    if (findings.length === 0) await world.tidy()
    return findings
  }

  const stage = {
    async describe() {
      const { world } = await open()
      const response = await fetch(`http://127.0.0.1:${world.port}/openapi.json`)
      return readDescription(await response.json())
    },
    play(group: Group): Promise<Finding[]> {
      playing = playOne(group)
      return playing
    },
    /** With what it has set going: deliveries and retries come to an end too. */
    async playAlone(group: Group): Promise<Finding[]> {
      const findings = await stage.play(group)
      if (findings.length > 0) return findings
      return untilQuiet(await open())
    },
    /** A time limit lets the group that is being played go on; what it found. */
    idle: () => playing,
    async refresh() {
      await playing.catch(() => {})
      await current?.world.close()
      current = null
    },
    async finish(): Promise<Finding[]> {
      const { judge } = await open()
      const looked = await judge.look()
      return looked.some(({ what }) => what === 'ended') ? looked : [...looked, ...(await judge.atEnd())]
    },
    async close() {
      await stage.refresh()
    },
  }
  return stage
}

async function untilQuiet({ world: { sql }, judge }: { world: World; judge: Judge }): Promise<Finding[]> {
  for (const endsAt = performance.now() + quietMs; ; await sleep(500)) {
    const findings = await judge.look()
    const [row] = await sql<{ held: number }[]>`
      select ((select count(*) from runs where lease_until is not null)
        + (select count(*) from deliveries where lease_until is not null))::int as held`
    if (findings.length > 0 || row?.held === 0 || performance.now() > endsAt) return findings
  }
}

export function progress({ groups, answers, attempts, slowestTurnMs, peakMb }: Totals): string {
  const sum = Object.values(answers)
    .flatMap((byStatus) => Object.values(byStatus))
    .reduce((all, one) => all + one, 0)
  return `${groups} groups, ${sum} answers, ${attempts} attempts; slowest turn ${Math.round(slowestTurnMs)} ms, peak ${Math.round(peakMb)} MiB`
}
