import type { Arrival } from './arrival.ts'
import * as arms from './arms.ts'
import { createBatch } from './batch.ts'
import type { Database } from './client.ts'
import { readArms, readCounts, readOwed } from './counts.ts'
import * as deliveries from './deliveries.ts'
import * as facts from './facts.ts'
import * as jobs from './jobs.ts'
import { readLedger } from './ledger.ts'
import { lookAll, readClock } from './look.ts'
import { giveBackRuns, type RunsOfProject, takeRuns } from './quotas.ts'
import { readPage } from './pages.ts'
import { type ArmRecord, type ArmResult, deleteOldArms, recordArms, takesOldArms } from './record-arm.ts'
import * as runs from './runs.ts'
import type { Move, Writing, Written } from './move.ts'
import { movesMax } from './wanted.ts'
import { isUsualEnd } from './ends.ts'
import { isPlain, movePlain } from './hot.ts'
import { claimReady, type ReadyClaim, type ReadyClaimed } from './ready.ts'
import type { Totals } from './totals.ts'
import { transition } from './transition.ts'
import { type Authored, type Look, ruleOf } from './rows.ts'
import type { Decision, View } from '../src/decisions/index.ts'

/** How calls share statements: calls that come while `atOnce` of a kind are under way shares the next one, `most` of them. */
type Crowd = { most: number; atOnce: number }

const usualCrowd: Crowd = { most: movesMax, atOnce: 2 }

type Untimed<T> = Omit<T, 'now'>

/** Every statement that the stories need, each under the deadline of `database`. Guarantees are documented at each statement. */
export type Store = ReturnType<typeof createStore>

/**
 * `clock`, if given, stands in for Postgres' own clock in every statement: tests set the time with it. `arrival`: that this
 * process is up, which is noted with its first claim.
 */
export function createStore(
  database: Database,
  clock: () => Date | null = () => null,
  { crowd = usualCrowd, arrival = () => null }: { crowd?: Crowd; arrival?: () => Arrival | null } = {},
) {
  const idempotent = true
  const now = clock
  const lookAt = createBatch<string, Look>({
    keyOf: (jobId) => jobId,
    carryOut: (ids) =>
      database.run((sql) => lookAll(sql, ids, now()), { idempotent, name: 'reading the job' }),
    ...crowd,
  })
  const createMoves = () =>
    createBatch<Move, Written>({
      keyOf: ({ view }) => view.job.id,
      carryOut: (moves) =>
        database.run((sql) => movePlain(sql, moves, now()), { idempotent, name: 'the claim' }),
      ...crowd,
    })
  // usual ends among themselves have a statement that costs less
  const [move, end] = [createMoves(), createMoves()]
  const claim = createBatch<ReadyClaim, ReadyClaimed>({
    keyOf: ({ jobId }) => jobId,
    carryOut(claims) {
      const arriving = arrival()
      return database.run((sql) => claimReady(sql, claims, now(), arriving), {
        idempotent,
        name: 'the claim',
      })
    },
    ...crowd,
  })
  let recordedAt: string | null = null
  const record = createBatch<ArmRecord, boolean>({
    keyOf: ({ jobId }) => jobId,
    async carryOut(records) {
      const { owed, at } = await database.run((sql) => recordArms(sql, records, now()), {
        name: 'recording the arm',
      })
      recordedAt = at ?? recordedAt
      deleteAfter(records.filter(takesOldArms).map(({ jobId }) => jobId))
      return owed
    },
    ...crowd,
  })
  // no answer waits for it, and a database that is away is told of by what is needed
  const deleteAfter = (jobIds: string[]) => {
    if (jobIds.length > 0) database.run((sql) => deleteOldArms(sql, jobIds), { idempotent }).catch(() => {})
  }
  const take = createBatch<arms.ArmWish, arms.TakenArm>({
    keyOf: ({ jobId }) => jobId,
    carryOut: (wishes) =>
      database.run((sql) => arms.takeArms(sql, wishes, now()), { name: 'taking the arm lease' }),
    ...crowd,
  })
  const forget = createBatch<string, true>({
    keyOf: (jobId) => jobId,
    async carryOut(jobIds) {
      await database.run((sql) => arms.orphansCancelled(sql, jobIds), { idempotent })
      return new Map(jobIds.map((jobId) => [jobId, true]))
    },
    ...crowd,
  })
  return {
    /** A test's clock, instead of Postgres' own; null: Postgres' own. */
    clock,
    look: (jobId: string): Promise<Look | null> => lookAt(jobId),

    /** May be tried twice: a second try of one that was carried out finds `rev` moved, and answers null. */
    claimReady: (wish: ReadyClaim): Promise<ReadyClaimed | null> => claim(wish),

    now: (): Promise<Date> =>
      database.run((sql) => readClock(sql, now()), { idempotent, name: 'reading the clock' }),
    jobOfRun: (runId: string): Promise<string | null> =>
      database.run((sql) => runs.jobOfRun(sql, runId), { idempotent }),

    /** May be tried twice: a second try of one that was carried out finds `rev` moved, and answers null. */
    transition(view: View, decision: Decision, writing: Untimed<Writing>): Promise<Written | null> {
      const wanted = { view, decision, writing }
      if (isUsualEnd(wanted)) return end(wanted)
      if (isPlain(decision)) return move(wanted)
      return database.run((sql) => transition(sql, view, decision, { ...writing, now: now() }), {
        idempotent,
        name: 'the claim',
      })
    },

    toldBy: (deliveryId: string) =>
      database.run((sql) => deliveries.toldBy(sql, deliveryId), { idempotent, name: 'reading the run' }),
    deliveriesOf: (runId: string) =>
      database.run((sql) => deliveries.deliveriesOf(sql, runId), { idempotent, name: 'reading deliveries' }),
    lastOutput: (jobId: string, readerId: string) =>
      database.run((sql) => deliveries.lastOutput(sql, jobId, readerId), {
        idempotent,
        name: 'reading the last output',
      }),

    begin: (held: Untimed<Parameters<typeof runs.begin>[1]>) =>
      database.run((sql) => runs.begin(sql, { ...held, now: now() }), {
        idempotent,
        name: 'beginning the run',
      }),
    noteWaiting: (wish: Untimed<Parameters<typeof runs.noteWaiting>[1]>) =>
      database.run((sql) => runs.noteWaiting(sql, { ...wish, now: now() }), {
        idempotent,
        name: 'noting which runs wait',
      }),
    listDeliveries: ({ project, state, ...page }: Parameters<typeof deliveries.listDeliveries>[1]) =>
      readPage(
        page,
        (piece) =>
          database.run((sql) => deliveries.listDeliveries(sql, { project, state, ...piece }), {
            idempotent,
            name: 'listing deliveries',
          }),
        ({ seq }) => seq,
      ),
    renew: (wish: Untimed<Parameters<typeof runs.renew>[1]>) =>
      database.run((sql) => runs.renew(sql, { ...wish, now: now() }), {
        idempotent,
        name: 'renewing leases',
      }),

    takeArm: async (wish: arms.ArmWish): Promise<arms.TakenArm> => (await take(wish)) ?? { state: 'armed' },
    /** `isWritten` false: the arm lease had gone to another order. */
    async recordArm(jobId: string, result: ArmResult & { holder: string }) {
      const isOwed = await record({ ...result, jobId })
      return { isOwed: isOwed ?? true, isWritten: isOwed !== null }
    },
    /**
     * When an arm was recorded last by this store, on Postgres' clock: what begins now begins later than that. Null: none
     * was yet.
     */
    recordedAt: (): string | null => recordedAt,
    disownArm: (jobId: string, gen: number) =>
      database.run((sql) => arms.disownArm(sql, jobId, gen), { name: 'disowning an arm' }),
    owedArms: (page: { after: string; limit: number }) =>
      database.run((sql) => arms.owedArms(sql, page), { idempotent }),
    overdueJobs: (wish: { lateMs: number; limit: number }) =>
      database.run((sql) => arms.overdueJobs(sql, { ...wish, now: now() }), { idempotent }),
    farthestWake: () => database.run((sql) => arms.farthestWake(sql, now()), { idempotent }),
    earliestWake: () => database.run((sql) => arms.earliestWake(sql, now()), { idempotent }),
    differentArms: (listed: arms.ListedArms) =>
      database.run((sql) => arms.differentArms(sql, listed), {
        idempotent,
        deadlineMs: 30_000,
        name: 'comparing what NAS lists',
      }),
    outstanding: () => database.run((sql) => arms.outstanding(sql, now()), { idempotent }),
    orphans: () => database.run((sql) => arms.orphans(sql), { idempotent }),
    orphanSchedule: (jobId: string) => database.run((sql) => arms.orphanSchedule(sql, jobId), { idempotent }),
    orphanCancelled: async (jobId: string): Promise<void> => void (await forget(jobId)),

    createJob: (job: Untimed<jobs.NewJob>, key: Parameters<typeof jobs.createJob>[2]) =>
      database.run((sql) => jobs.createJob(sql, { ...job, now: now() }, key), { name: 'making the job' }),
    jobOfKey: (key: string) => database.run((sql) => jobs.jobOfKey(sql, key), { idempotent }),
    /**
     * The authored fields and the decision that follows from them, both or neither; false: either was changed meanwhile.
     *
     * @throws AppError AFTER_CYCLE, KEY_TAKEN, FIELD_INVALID: the job to follow is gone
     */
    changeJob: (
      authored: Authored,
      view: View,
      decision: Decision | null,
      writing: Untimed<Writing>,
    ): Promise<boolean> =>
      database
        .transaction(async (tx) => {
          await jobs.follow(tx, { id: authored.id, before: view.job.after, after: authored.after })
          const rule = ruleOf({ ...authored, version: authored.version + 1 })
          const isMoved = decision
            ? await transition(tx, view, decision, { ...writing, now: now() }, rule)
            : await jobs.touch(tx, view)
          if (!isMoved || !(await jobs.updateAuthored(tx, authored, now()))) throw raced
          return true
        })
        .catch((error: unknown) => {
          if (error === raced) return false
          throw error
        }),
    /** @throws AppError JOB_STATE_CONFLICT: other jobs follow it */
    deleteJob: (jobId: string) => database.transaction((tx) => jobs.deleteJob(tx, jobId, now())),

    takeRuns: (wish: RunsOfProject): Promise<Date | null> =>
      database.run((sql) => takeRuns(sql, wish, now()), { name: 'counting runs of the project' }),
    giveBackRuns: (counted: RunsOfProject & { minute: Date }): Promise<void> =>
      database.run((sql) => giveBackRuns(sql, counted), { name: 'giving back runs of the project' }),

    noteCallback: (url: string) =>
      database.run((sql) => arms.noteCallback(sql, url, now()), { name: 'noting the callback' }),
    readLedger: (jobId: string, span: { from: Date; to: Date; limit: number }) =>
      database.run((sql) => readLedger(sql, jobId, span), { idempotent }),
    readCounts: (wish: { isNasUsed: boolean }) =>
      database.run((sql) => readCounts(sql, { ...wish, now: now() }), { idempotent }),
    readOwed: (wish: { isNasUsed: boolean }) =>
      database.run((sql) => readOwed(sql, { ...wish, now: now() }), {
        idempotent,
        name: 'reading what is owed',
      }),
    /** What the service has done since it was set up: counters that never fall. */
    async totals(): Promise<Totals> {
      const { readTotals } = await import('./totals.ts')
      return database.run((sql) => readTotals(sql, now()), { idempotent, name: 'reading the totals' })
    },
    /** The runs among them. */
    async endedRuns(): Promise<Totals['runs']> {
      const { readEndedRuns } = await import('./totals.ts')
      return database.run(readEndedRuns, { idempotent, name: 'reading ended runs' })
    },
    readArms: (jobId: string) => database.run((sql) => readArms(sql, jobId), { idempotent }),

    readFact: (name: string) => database.run((sql) => facts.readFact(sql, name), { idempotent }),
    writeFact: (name: string, value: unknown) =>
      database.run((sql) => facts.writeFact(sql, name, value, now()), { idempotent }),
    swapFact: (name: string, wish: { seen: unknown; value: unknown }) =>
      database.run((sql) => facts.swapFact(sql, name, wish, now()), { name: 'noting the health' }),
  }
}

/** Thrown inside a transaction to undo it: the compare-and-set found another row than was read. */
const raced = new Error('the row has changed since it was read')
