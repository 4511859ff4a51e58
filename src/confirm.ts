import type { Store } from '../db/index.ts'
import type { Armer } from './arm.ts'
import type { Holds } from './holds.ts'
import type { NasClient } from './nas/index.ts'
import { sleep, type Timers } from './timers.ts'

/** What was learnt about this NAS: how often an arm made before our 2xx was still there after it, and how often not. */
export type NasManners = { kept: number; forgot: number }
const nasMannersFact = 'nas_manners'

type Parts = {
  store: Store
  nas: NasClient
  armer: () => Armer
  holds: Holds
  timers: Timers
  log: { warn(fields: object, message: string): void }
}

/** NAS is done with our answer by then. */
const settleMs = 1_000
/** So many arms found kept, and none forgotten: no more looks, but for one in `sampleEvery`. */
const enough = 5
const sampleEvery = 50
const armBudgetMs = 20_000

/**
 * NAS may delete its row for a job on our 2xx, although the job was armed anew meanwhile; which of the two it does is
 * not specified. So after the answer one look makes sure: where the arm is gone it is made again. What is learnt is
 * kept in Postgres: with a NAS that keeps arms the look is skipped, with one that forgets them every answer is
 * followed by a new arm at once. Never rejects.
 */
export function createConfirm({ store, nas, armer, holds, timers, log }: Parts): (jobId: string) => void {
  const waiting = new Set<string>()
  let manners: NasManners | undefined
  let isUnderWay = false
  let answers = 0

  async function confirmAll() {
    while (waiting.size > 0) {
      await sleep(timers, settleMs)
      const jobIds = [...waiting]
      waiting.clear()
      manners ??= ((await store.readFact(nasMannersFact))?.value as NasManners | undefined) ?? {
        kept: 0,
        forgot: 0,
      }
      if (manners.forgot > 0) await armAgain(jobIds)
      else if (manners.kept < enough || answers++ % sampleEvery === 0) await look(jobIds, manners)
    }
  }

  async function look(jobIds: string[], known: NasManners) {
    const answer = await nas.list()
    if (!answer.ok) return armAgain(jobIds)
    const listed = new Set(answer.value.map(({ jobId }) => jobId))
    const missing: string[] = []
    for (const jobId of jobIds) {
      const job = await store.look(jobId)
      if (!job || job.registry.wakeAt === null || job.registry.armedGen < job.registry.wakeGen) continue
      if (listed.has(jobId)) known.kept += 1
      else missing.push(jobId)
    }
    known.forgot += missing.length
    await store.writeFact(nasMannersFact, known)
    if (missing.length > 0)
      log.warn({ jobs: missing.length }, 'NAS forgets an arm when its fire is acknowledged; it is made again')
    await armAgain(missing)
  }

  async function armAgain(jobIds: string[]) {
    for (const jobId of jobIds) {
      const job = await store.look(jobId)
      if (!job || job.registry.wakeAt === null) continue
      await store.disownArm(jobId, job.registry.armedGen)
      await armer().ensure(jobId, { budgetMs: armBudgetMs })
    }
  }

  return (jobId) => {
    waiting.add(jobId)
    if (isUnderWay) return
    isUnderWay = true
    const work = confirmAll()
      .catch((error: unknown) => log.warn({ err: error }, 'what NAS holds could not be confirmed'))
      .finally(() => {
        isUnderWay = false
      })
    void holds.during('arm', work)
  }
}
