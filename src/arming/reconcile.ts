import type { DifferentArm, Store } from '../../db/index.ts'
import type { Armer } from './arm.ts'
import { inParallel } from '../ground/parallel.ts'
import type { TimerClient, TimerFailure } from '../timers/index.ts'
import { type BootSeen, listedArms } from './listing.ts'
import type { ReconcileCounts } from './scheduler.ts'

type ReconcileNeeds = {
  store: Store
  timer: TimerClient
  /** Our base URL, as the timer is told it. */
  callbackUrl: string
  armer: Pick<Armer, 'ensure' | 'cancelOrphan'>
  /** Attends to the jobs whose wake-up did not come; how many there were. `known`: their ids, if they are known already. */
  attendOverdue: (known: string[] | null) => Promise<number>
  onRefused: (failure: TimerFailure) => void
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** What the caller has seen a moment ago. */
export type Seen = Pick<BootSeen, 'overdue' | 'standing' | 'different' | 'listing'>

const pageSize = 1_000
const atOnce = 8
const armBudgetMs = 20_000

/**
 * Makes the arms of the timer agree with Postgres: handles overdue jobs, asks the timer once for its list, makes owed
 * arms, missing or too late there, and cancels what Postgres says is gone. The list can add arms; it is never a reason to
 * leave one out. At boot and on request only, never on the path of a fire. `seen`: it need not look first.
 */
export function createReconcile({
  store,
  timer,
  armer,
  attendOverdue,
  callbackUrl,
  onRefused,
  log,
}: ReconcileNeeds): (seen?: Seen | null) => Promise<ReconcileCounts> {
  async function reconcile(seen: Seen | null): Promise<ReconcileCounts> {
    const counts: ReconcileCounts = {
      attended: 0,
      armed: 0,
      cancelled: 0,
      owed: 0,
      foreign: 0,
      complete: false,
    }
    counts.attended = await attendOverdue(seen?.overdue ?? null)
    const standing = seen?.standing ?? (await store.outstanding())
    // what another timer holds, or one that calls another address, wakes us no more
    const place = [callbackUrl, timer.place].filter(Boolean).join(' ')
    const hasMoved = standing.callback !== place && (await store.noteCallback(place))
    if (hasMoved) log.warn({ callbackUrl }, 'CALLBACK_URL or the timer has changed; every job is armed again')
    const answer = await (seen?.listing?.answer ?? timer.list())
    let different: DifferentArm[] = []
    if (answer.ok && answer.value)
      different =
        seen?.different ??
        (await store.differentArms(listedArms(answer.value, seen?.listing?.listedAt ?? standing.now)))
    const differing = await disown(different)
    if (answer.ok) await cancelOrphans(standing.orphans, { strangers: new Set(differing.strangers), counts })
    else if (answer.kind === 'refused') onRefused(answer)
    else log.warn({ code: answer.code }, `${timer.title} did not list what it holds: ${answer.message}`)
    const mayBeOwed = standing.isOwed || hasMoved || differing.disowned + counts.attended > 0
    if (mayBeOwed && (answer.ok || answer.kind !== 'refused')) await armOwed(counts)
    counts.complete = answer.ok || answer.kind === 'refused'
    log.info(counts, 'reconciled')
    return counts
  }

  /** `strangers` are listed, and no job has their id: deleted, or another's. */
  async function disown(different: DifferentArm[]): Promise<{ disowned: number; strangers: string[] }> {
    const strangers: string[] = []
    let disowned = 0
    for (const { jobId, armedGen } of different) {
      if (armedGen === null) strangers.push(jobId)
      else {
        await store.disownArm(jobId, armedGen)
        disowned += 1
      }
    }
    return { disowned, strangers }
  }

  /** `known`: deleted jobs whose cancel is owed. */
  async function cancelOrphans(
    known: string[],
    { strangers, counts }: { strangers: Set<string>; counts: ReconcileCounts },
  ) {
    const owed = new Set(known)
    if (strangers.size > 0)
      for (const jobId of await store.orphans()) if (strangers.has(jobId)) owed.add(jobId)
    counts.foreign = [...strangers].filter((jobId) => !owed.has(jobId)).length
    await each([...owed], async (jobId) => {
      if (await armer.cancelOrphan(jobId)) counts.cancelled += 1
    })
  }

  async function armOwed(counts: ReconcileCounts) {
    for (let after = ''; ; ) {
      const page = await store.owedArms({ after, limit: pageSize })
      await each(page, async (jobId) => {
        const state = await armer.ensure(jobId, { budgetMs: armBudgetMs })
        if (state === 'armed') counts.armed += 1
        else counts.owed += 1
      })
      if (page.length < pageSize) return
      after = page[page.length - 1] ?? after
    }
  }

  async function each(jobIds: string[], work: (jobId: string) => Promise<void>) {
    await inParallel(jobIds, atOnce, (jobId) =>
      work(jobId).catch((error: unknown) => log.warn({ err: error, job: jobId }, 'reconciling a job failed')),
    )
  }

  let underWay: Promise<ReconcileCounts> | undefined
  return (seen = null) => {
    underWay ??= reconcile(seen).finally(() => {
      underWay = undefined
    })
    return underWay
  }
}
