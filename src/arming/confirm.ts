import { type BootLook, mannersFact, type Store } from '../../db/index.ts'
import type { Armer } from './arm.ts'
import type { Holds } from '../ground/holds.ts'
import type { TimerClient } from '../timers/index.ts'
import { sleep, type Delays, within } from '../ground/delays.ts'

/** The observed manners of this NAS: how often an arm made before our 2xx was still there after it, and how often not. */
export type NasManners = { kept: number; forgot: number }

type ConfirmNeeds = {
  store: Store
  timer: TimerClient
  armer: Pick<Armer, 'ensure' | 'lastArmedAt'>
  holds: Holds
  delays: Delays
  log: { warn(fields: object, message: string): void }
}

const noManners = (): NasManners => ({ kept: 0, forgot: 0 })

/** NAS is done with our answer by then. */
const settleMs = 1_000
/** So many arms found kept, and none forgotten: no more looks, but for a sample once in a while. */
const enough = 5
const sampleEveryMs = 50_000
const armBudgetMs = 20_000
const longestLookMs = 30_000

export type Confirm = {
  /**
   * Answers are looked after from now on; those of before wait for it, since what the machine was started for comes first.
   * `seen`: what this process saw in Postgres; null: it has not looked.
   */
  start(seen: Pick<BootLook, 'manners'> | null): void
  /** A fire of this job has come in; `answered` follows, or `unanswered` if it was not answered 2xx. */
  begun(jobId: string): void
  answered(jobId: string): void
  unanswered(jobId: string): void
  /**
   * Resolves when an arm of this job may be replaced without hiding what NAS did with the one before: after the look
   * that follows the answer to a fire, or at once if none is to come or nothing is left to learn.
   */
  looked(jobId: string): Promise<void>
}

/**
 * NAS may delete its row for a job on our 2xx, although the job was armed again meanwhile; which of the two it does is
 * not specified. So after the answer one look makes sure: if the arm is gone it is made again. The result is
 * kept in Postgres: with a NAS that keeps arms the look is skipped, with one that forgets them every answer is
 * followed by a new arm at once. Never rejects.
 */
export function createConfirm({ store, timer, armer, holds, delays, log }: ConfirmNeeds): Confirm {
  /** Answers that were not looked after yet: by job, `delays.now()` of the answer. */
  let answers = new Map<string, number>()
  const expected = new Map<string, { looked: Promise<void>; end: () => void }>()
  let isStarted = false
  let isUnderWay = false
  let manners: NasManners | undefined
  /** `delays.now()` of the last look; the first sample is due that long after the start. */
  let lookedAt = delays.now()

  async function confirmAll() {
    while (answers.size > 0) {
      manners ??= ((await store.readFact(mannersFact))?.value as NasManners | undefined) ?? noManners()
      const isLookedAt = isLearning() || manners.forgot > 0 || delays.now() - lookedAt >= sampleEveryMs
      // where nothing is learnt nothing is waited for: a process that has done its work may go
      if (isLookedAt) await sleep(delays, settleMs)
      const batch = answers
      answers = new Map()
      if (manners.forgot > 0) await armAgain(batch.keys())
      else if (isLookedAt) await look(batch, manners)
      for (const jobId of batch.keys()) end(jobId)
    }
  }

  async function look(batch: Map<string, number>, known: NasManners) {
    lookedAt = delays.now()
    const answer = await timer.list()
    if (!answer.ok || !answer.value) return armAgain(batch.keys())
    const listed = new Set(answer.value.map(({ jobId }) => jobId))
    const missing: string[] = []
    for (const [jobId, answeredAt] of batch) {
      const job = await store.look(jobId)
      if (!job || job.registry.armedAt === null) continue
      // an arm that was made after the answer says nothing about the previous one
      const isBefore = armer.lastArmedAt(jobId) < answeredAt
      if (!listed.has(jobId)) missing.push(jobId)
      else if (isBefore) known.kept += 1
    }
    known.forgot += missing.length
    await store.writeFact(mannersFact, known)
    if (missing.length > 0)
      log.warn(
        { jobs: missing.length },
        `${timer.title} dropped arms when their fires were acknowledged; they are armed again`,
      )
    await armAgain(missing)
  }

  async function armAgain(jobIds: Iterable<string>) {
    for (const jobId of jobIds) {
      const job = await store.look(jobId)
      if (!job || job.registry.wakeAt === null) continue
      await store.disownArm(jobId, job.registry.armedGen)
      await armer.ensure(jobId, { budgetMs: armBudgetMs })
    }
  }

  function begun(jobId: string) {
    if (expected.has(jobId) || !isLearning()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    expected.set(jobId, { looked: promise, end: resolve })
  }

  async function looked(jobId: string) {
    const wait = expected.get(jobId)?.looked
    // it may be unknown whether the answer went out
    if (wait) await within(delays, longestLookMs, wait, undefined)
  }

  function end(jobId: string) {
    expected.get(jobId)?.end()
    expected.delete(jobId)
  }

  function start(seen: Pick<BootLook, 'manners'> | null) {
    isStarted = true
    if (seen) manners ??= (seen.manners as NasManners | null) ?? noManners()
    if (answers.size > 0) begin()
  }

  function answered(jobId: string) {
    answers.set(jobId, delays.now())
    begin()
  }

  function begin() {
    if (isUnderWay || !isStarted) return
    isUnderWay = true
    const work = confirmAll()
      .catch((error: unknown) =>
        log.warn({ err: error }, `the arms that ${timer.title} holds could not be confirmed`),
      )
      .finally(() => {
        isUnderWay = false
        for (const each of [...expected.keys()]) end(each)
      })
    void holds.during('arm', work)
  }

  function isLearning() {
    return !manners || (manners.forgot === 0 && manners.kept < enough)
  }

  return { start, begun, answered, unanswered: end, looked }
}
