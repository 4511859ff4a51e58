import {
  type BootLook,
  type ListedArms,
  mannersFact,
  overdueMax,
  type ProjectStore,
  type Store,
} from '../../db/index.ts'
import { lateMs } from '../../src/decisions/index.ts'
import type { Tables } from './tables.ts'

/** A statement on its way. `asOf`: the look that it was decided on. */
export type Call<T> = {
  name: string
  /** May be carried out twice: it is tried again even if its effect is unknown. */
  idempotent: boolean
  jobId?: string
  asOf?: Date
  carryOut: (now: Date) => T
}

/** The store of the service on tables in memory; `perform` brings each statement there and its answer back. */
export function createModelStore(tables: Tables, perform: <T>(call: Call<T>) => Promise<T>): Store {
  const read = <T>(name: string, carryOut: (now: Date) => T, jobId?: string) =>
    perform({ name, idempotent: true, carryOut, ...(jobId !== undefined && { jobId }) })
  const once = <T>(name: string, jobId: string, carryOut: (now: Date) => T, asOf?: Date) =>
    perform({ name, idempotent: false, jobId, carryOut, ...(asOf && { asOf }) })

  let recordedAt: string | null = null
  const store: Store = {
    clock: () => null,
    look: (jobId) => read('look', (now) => tables.look(jobId, now), jobId),
    claimReady: (claim) => read('claimReady', (now) => tables.claimReady(claim, now), claim.jobId),
    now: () => read('now', (now) => now),
    jobOfRun: (runId) => read('jobOfRun', () => tables.jobOfRun(runId)),
    transition: (view, decision, writing) =>
      read('transition', (now) => tables.transition(view, decision, writing, now), view.job.id),
    begin: (held) => read('begin', (now) => tables.begin(held, now), tables.jobOfRun(held.runId) ?? ''),
    // who waits is for people: no decision asks
    noteWaiting: () => read('noteWaiting', () => undefined),
    renew: (wish) => read('renew', (now) => tables.renew(wish, now)),
    takeArm: (wish) => once('takeArm', wish.jobId, (now) => tables.takeArm(wish, now)),
    async recordArm(jobId, result) {
      const { written, at } = await once('recordArm', jobId, (now) => ({
        written: tables.recordArm(jobId, result, now),
        at: now,
      }))
      if (written.isWritten) recordedAt = at.toISOString()
      return written
    },
    recordedAt: () => recordedAt,
    disownArm: (jobId, gen) => once('disownArm', jobId, () => tables.disownArm(jobId, gen)),
    owedArms: (page) => read('owedArms', () => tables.owedArms(page)),
    overdueJobs: (wish) => read('overdueJobs', (now) => tables.overdueJobs(wish, now)),
    farthestWake: () => read('farthestWake', (now) => tables.farthestWake(now)),
    earliestWake: () => read('earliestWake', (now) => tables.earliestWake(now)),
    differentArms: (listed) => read('differentArms', () => tables.differentArms(listed)),
    outstanding: () => read('outstanding', (now) => tables.outstanding(now)),
    orphans: () => read('orphans', () => tables.orphanIds()),
    orphanSchedule: (jobId) => read('orphanSchedule', () => tables.orphanSchedule(jobId)),
    orphanCancelled: (jobId) => read('orphanCancelled', (now) => tables.orphanCancelled(jobId, now)),
    createJob: (job, key) => once('createJob', job.id, (now) => tables.createJob(job, key, now)),
    jobOfKey: (key) => read('jobOfKey', () => tables.jobOfKey(key)),
    changeJob: (authored, view, decision, writing) =>
      once(
        'changeJob',
        authored.id,
        (now) => tables.changeJob(authored, view, decision, writing, now),
        view.now,
      ),
    toldBy: (deliveryId) => read('toldBy', () => tables.toldBy(deliveryId)),
    deliveriesOf: (runId) => read('deliveriesOf', () => tables.deliveriesOf(runId)),
    lastOutput: (jobId) => read('lastOutput', () => tables.lastOutput(jobId)),
    takeRuns: (wish) =>
      perform({
        name: 'takeRuns',
        idempotent: false,
        carryOut: (now) => tables.projects.takeRuns(wish, now),
      }),
    giveBackRuns: (counted) =>
      perform({
        name: 'giveBackRuns',
        idempotent: false,
        carryOut: () => tables.projects.giveBackRuns(counted),
      }),
    deleteJob: (jobId) => once('deleteJob', jobId, (now) => tables.deleteJob(jobId, now)),
    noteCallback: (url) =>
      perform({ name: 'noteCallback', idempotent: false, carryOut: (now) => tables.noteCallback(url, now) }),
    readFact: (name) => read('readFact', () => tables.readFact(name)),
    writeFact: (name, value) => read('writeFact', (now) => tables.writeFact(name, value, now)),
    swapFact: (name, wish) => read('swapFact', (now) => tables.swapFact(name, wish, now)),
    listDeliveries: () => Promise.reject(new Error('the simulation lists no deliveries')),
    readLedger: () => Promise.reject(new Error('the simulation reads no ledger')),
    totals: () => Promise.reject(new Error('the simulation adds up no history')),
    endedRuns: () => Promise.reject(new Error('the simulation adds up no history')),
    readOwed: () => Promise.reject(new Error('the simulation does not watch the health of the service')),
    readArms: () => Promise.reject(new Error('the simulation reads no story of arms')),
    readCounts: () =>
      read('readCounts', (now) => ({
        jobs: { scheduled: 0, paused: 0, completed: 0, error: 0 },
        runs: { claimed: 0, running: 0, waiting: 0 },
        armsOwed: tables.armsOwed(),
        oldestOwedSince: null,
        orphansOwed: 0,
        overdue: 0,
        lost: 0,
        waiting: { runs: 0, since: null },
        failedDeliveries: { count: 0, newest: null },
        now,
      })),
  }
  return store
}

/** What a process sees as it begins, as `arrive` of its record: only the record itself is left out. */
export type BootStore = { lookAtBoot: (listed: ListedArms | null) => Promise<BootLook> }

export function createModelBoot(
  tables: Tables,
  perform: <T>(call: Call<T>) => Promise<T>,
): BootStore['lookAtBoot'] {
  return (listed) =>
    perform({
      name: 'lookAtBoot',
      idempotent: false,
      carryOut: (now) => ({
        ...{ earlier: null, forgotten: { jobs: 0, since: null } },
        overdue: tables.overdueJobs({ lateMs, limit: overdueMax }, now),
        standing: tables.outstanding(now),
        manners: tables.readFact(mannersFact)?.value ?? null,
        different: listed && tables.differentArms(listed),
      }),
    })
}

/** Of the statements on projects, those that jobs depend on. */
export type PauseStore = Pick<ProjectStore, 'pause' | 'resume' | 'put'>

export function createModelProjects(tables: Tables, perform: <T>(call: Call<T>) => Promise<T>): PauseStore {
  const { projects } = tables
  return {
    pause: (name) =>
      perform({ name: 'pauseProject', idempotent: false, carryOut: (now) => projects.pause(name, now) }),
    resume: (name) =>
      perform({ name: 'resumeProject', idempotent: false, carryOut: (now) => projects.resume(name, now) }),
    put: (name, quotas) =>
      perform({ name: 'putProject', idempotent: false, carryOut: () => projects.put(name, quotas) }),
  }
}
