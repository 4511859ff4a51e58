import { DatabaseUnavailable, type Look, refusedValue, type Store, type Written } from '../../db/index.ts'
import type { Admit } from '../run/admission.ts'
import {
  type Decision,
  delivered,
  type Delivered,
  deliveryLeaseMs,
  type DeliveryWrite,
  releaseDelivery,
} from '../decisions/index.ts'
import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import type { Rest } from '../run/rest.ts'
import { sleep, type Timers } from '../ground/timers.ts'
import { unstorable } from '../run/unstorable.ts'

/** Tries to deliver whose lease this process holds: sent, a few at a time, and written down. */
export type Courier = {
  /** Takes the tries of a job over. `askedAt`: `timers.now()` from before they were written, so their leases last from then at least. */
  accept(taken: { jobId: string; sends: DeliveryWrite[]; askedAt: number }): void
  /** Lets those under way end, and gives the others back. */
  drain(): void
}

type Parts = {
  store: Store
  admit: Admit
  holds: Holds
  rest: Rest
  timers: Timers
  log: Pick<Log, 'info' | 'warn' | 'error'>
  /** One try, over within `sendMs`. The behaviour of a receiver is a value; an exception here is our own bug. */
  send: (jobId: string, delivery: DeliveryWrite, signal: AbortSignal) => Promise<Delivered>
  /** Told after each written try, as after a settled attempt. */
  onSettled: (jobId: string, settled: { decision: Decision; written: Written } | null) => void
}

const sendMs = 25_000
const sendingMax = 20

type Held = { jobId: string; delivery: DeliveryWrite; leaseEndsAt: number }

/**
 * The story of a delivery: its row was made in the statement that settled the run, and is held by us. We send, and
 * write how it went. A process that dies in between leaves the lease; the wake-up for its end finds another process,
 * which sends again under the same id. So a delivery arrives at least once, or is seen to have failed.
 */
export function createCourier(parts: Parts): Courier {
  const { store, admit, holds, rest, timers, log } = parts
  const queue: Held[] = []
  let sending = 0
  let isDraining = false

  function accept({ jobId, sends, askedAt }: Parameters<Courier['accept']>[0]) {
    for (const delivery of sends) queue.push({ jobId, delivery, leaseEndsAt: askedAt + deliveryLeaseMs })
    startNext()
  }

  function startNext() {
    while (queue.length > 0 && (sending < sendingMax || isDraining)) {
      const held = queue.shift() as Held
      sending += 1
      const work = (isDraining ? giveBack(held) : carry(held)).catch((error: unknown) => {
        log.error(
          { err: error, job: held.jobId, delivery: held.delivery.id },
          'a delivery failed with an internal error',
        )
      })
      rest.during(held.jobId, work)
      void holds.during(
        'delivery',
        work.finally(() => {
          sending -= 1
          startNext()
        }),
      )
    }
  }

  async function carry(held: Held) {
    // it waited for too long: another process may hold its lease before the try is over
    if (timers.now() + sendMs >= held.leaseEndsAt) return giveBack(held)
    const { id, runId, attempt } = held.delivery
    const result = await trySending(held)
    log.info({ job: held.jobId, run: runId, delivery: id, attempt, state: result.state }, 'delivery tried')
    try {
      await writeResult(held, result)
    } catch (error) {
      const sqlState = refusedValue(error)
      if (sqlState === null) throw error
      log.error(
        { err: error, job: held.jobId, delivery: id },
        'Postgres refused to store the outcome of a delivery',
      )
      await writeResult(held, { state: 'failed', error: unstorable('the try', result.state, sqlState) })
    }
  }

  function writeResult(held: Held, result: Delivered) {
    const { id, attempt } = held.delivery
    return write(held, ({ view }) => delivered(view, { id, attempt, result }))
  }

  async function trySending({ jobId, delivery }: Held): Promise<Delivered> {
    const stop = new AbortController()
    const takeBack = timers.after(sendMs, () =>
      stop.abort(Object.assign(new Error(`${sendMs} ms are over`), { code: 'TIMEOUT' })),
    )
    try {
      return await parts.send(jobId, delivery, stop.signal)
    } catch (error) {
      log.error({ err: error, job: jobId, delivery: delivery.id }, 'a delivery failed with an internal error')
      const message = 'the delivery failed with an internal error; the log has the details'
      return { state: 'retry', error: { code: 'INTERNAL', message } }
    } finally {
      takeBack()
    }
  }

  function giveBack(held: Held) {
    const { id, attempt } = held.delivery
    return write(held, ({ view }) => releaseDelivery(view, { id, attempt }))
  }

  /** Until it is written, or not ours any more: a process that takes a lapsed lease sends again. */
  async function write({ jobId, leaseEndsAt }: Held, decide: (look: Look) => Decision | null) {
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        const look = await store.look(jobId)
        const decision = look && decide(look)
        if (!look || !decision) return parts.onSettled(jobId, null)
        const written = await admit(look, decision)
        if (written) return parts.onSettled(jobId, { decision, written })
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable)) throw error
        if (timers.now() >= leaseEndsAt) return
        log.error({ err: error, job: jobId }, 'the outcome of a delivery could not be stored yet')
        await sleep(timers, pauseMs)
      }
    }
  }

  return {
    accept,
    drain() {
      isDraining = true
      startNext()
    },
  }
}
