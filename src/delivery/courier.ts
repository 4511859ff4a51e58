import { type Look, refusedValue, type Store } from '../../db/index.ts'
import {
  type Decision,
  type Sent,
  deliveryLeaseMs,
  type DeliveryWrite,
  releaseDelivery,
  settleDelivery,
} from '../decisions/index.ts'
import type { Arming } from '../arming/arming.ts'
import type { Log } from '../ground/log.ts'
import { withTimeLimit } from '../ground/time-limit.ts'
import type { Delays } from '../ground/delays.ts'
import type { Admission, Enacted, TakenSend } from '../run/admission.ts'
import { persist } from '../run/persist.ts'
import type { Rest } from '../run/rest.ts'
import { unstorable } from '../run/unstorable.ts'

/** Deliveries whose try this process holds: sent, a few at a time, and settled. */
export type Courier = {
  /**
   * Sends one, when its turn has come, and writes how that went. Null: it was no longer ours. `given_up`: the lease of
   * the try has ended and the database cannot be reached. Never rejects.
   */
  carry(taken: TakenSend): Promise<Enacted | null | 'given_up'>
  /** Those under way end; the others are given back. */
  drain(): void
}

type CourierNeeds = {
  store: Pick<Store, 'look'>
  enact: Admission['enact']
  arming: Pick<Arming, 'armLeaseAtRest' | 'renew'>
  rest: Rest
  delays: Delays
  log: Pick<Log, 'info' | 'error'>
  /** One try, over within `sendMs`. The behaviour of a receiver is a value; an exception here is our own bug. */
  send: (jobId: string, delivery: DeliveryWrite, signal: AbortSignal) => Promise<Sent>
}

const sendMs = 25_000
const sendingMax = 20

/** `leaseEndsAt`: by `delays.now()`. */
type Held = { jobId: string; delivery: DeliveryWrite; leaseEndsAt: number }

/**
 * The story of a delivery: its row was made in the statement that settled the run, and is held by this process. We
 * send, and write how it went. A process that dies in between leaves the lease; the wake-up for its end finds another
 * process, which sends again under the same id. So a delivery arrives at least once, or is seen to have failed.
 */
export function createCourier(needs: CourierNeeds): Courier {
  const { store, enact, arming, rest, delays, log } = needs
  const queue: (() => void)[] = []
  let sending = 0
  let isDraining = false

  function carry(taken: TakenSend): ReturnType<Courier['carry']> {
    return new Promise((resolve) => {
      queue.push(() => resolve(takeTurn(taken)))
      startNext()
    })
  }

  function takeTurn({ jobId, delivery, askedAt }: TakenSend): ReturnType<Courier['carry']> {
    const held = { jobId, delivery, leaseEndsAt: askedAt + deliveryLeaseMs }
    const work = (isDraining ? giveBack(held) : sendAndSettle(held)).catch((error: unknown) => {
      log.error({ err: error, job: jobId, delivery: delivery.id }, 'a delivery failed with an internal error')
      return 'given_up' as const
    })
    rest.during(jobId, work)
    return work.finally(() => {
      sending -= 1
      startNext()
    })
  }

  function startNext() {
    while (queue.length > 0 && (sending < sendingMax || isDraining)) {
      sending += 1
      queue.shift()?.()
    }
  }

  async function sendAndSettle(held: Held) {
    // it waited for too long: its lease may be another process's before the try is over
    if (delays.now() + sendMs >= held.leaseEndsAt) return giveBack(held)
    const { id, runId, attempt } = held.delivery
    const result = await trySending(held)
    log.info({ job: held.jobId, run: runId, delivery: id, attempt, state: result.state }, 'delivery tried')
    try {
      return await settle(held, result)
    } catch (error) {
      const sqlState = refusedValue(error)
      if (sqlState === null) throw error
      log.error(
        { err: error, job: held.jobId, delivery: id },
        'Postgres refused to store the outcome of a delivery',
      )
      return settle(held, { state: 'failed', error: unstorable('the try', result.state, sqlState) })
    }
  }

  async function trySending({ jobId, delivery }: Held): Promise<Sent> {
    const limit = withTimeLimit(undefined, sendMs, timeIsOver, delays)
    try {
      return await needs.send(jobId, delivery, limit.signal)
    } catch (error) {
      log.error({ err: error, job: jobId, delivery: delivery.id }, 'a delivery failed with an internal error')
      const message = 'the delivery failed with an internal error; the log has the details'
      return { state: 'retry', error: { code: 'INTERNAL', message } }
    } finally {
      limit.release()
    }
  }

  function settle(held: Held, result: Sent) {
    const { id, attempt } = held.delivery
    return write(held, ({ view }) => settleDelivery(view, { id, attempt, result }))
  }

  function giveBack(held: Held) {
    const { id, attempt } = held.delivery
    return write(held, ({ view }) => releaseDelivery(view, { id, attempt }))
  }

  function write({ jobId, leaseEndsAt }: Held, decide: (look: Look) => Decision | null) {
    return persist(
      { store, enact, arming, delays },
      {
        ...{ jobId, decide },
        onUnavailable(error) {
          // another process takes the lapsed lease, and sends again
          if (delays.now() >= leaseEndsAt) return false
          log.error({ err: error, job: jobId }, 'the outcome of a delivery could not be stored yet')
          return true
        },
      },
    )
  }

  return {
    carry,
    drain() {
      isDraining = true
      startNext()
    },
  }
}

function timeIsOver(): Error {
  return Object.assign(new Error(`${sendMs} ms are over`), { code: 'TIMEOUT' })
}
