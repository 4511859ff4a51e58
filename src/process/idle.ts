import type { Server } from 'node:http'
import type { Departure } from './departure.ts'
import type { HoldKind, Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import { type Delays, within } from '../ground/delays.ts'
import { listenAt } from './listener.ts'

type IdleExitNeeds = {
  /** Milliseconds with nothing held; 0: the process stays up for ever. */
  idleExitMs: number
  /** From the boot on, until the call that the machine was started for is answered; beside the idle time, not before it. */
  bootGraceMs: number
  firstAnswered: Promise<void>
  holds: Holds
  server: Server
  departure: Pick<Departure, 'ifNothingIsOwed'>
  delays: Delays
  /** Nothing is held, and the exit record is written. `broken`: the port was lost on the way. */
  exit: (why: 'idle' | 'broken') => void
  log: Log
}

/** Requests that are still being authenticated get this long for an answer; NAS repeats a fire that is cut. */
const closeMs = 2_000

/**
 * A wake does it by itself, beside what it was started for, or a person looks at the page. It is waited for, and nothing is
 * expected to follow it.
 */
const prolongsNothing = (kind: HoldKind) => kind === 'boot' || kind === 'reconcile' || kind === 'page'

export type IdleExit = {
  /** When the process goes if nothing is held from now on, on the clock of `delays`; null: never by itself. */
  endsAt(): number | null
}

/**
 * Lets the process go when nothing has been held for `idleExitMs`, besides what a wake looks after by itself. Until the
 * call that the machine was started for has been answered, at least `bootGraceMs` after the boot: the platform may take
 * that long to deliver it.
 *
 * A fire may come in at the moment of the decision. So first the listener is closed: a call that came before is
 * answered, one that comes later finds no port, and its sender (a proxy, NAS) sends it again, to the next
 * process. Then it looks again: if a call took a hold meanwhile, if Postgres has unfinished work or a wake time that is
 * nearer than a boot is long, or if Postgres cannot be asked, it listens on. What cannot be read counts as busy.
 *
 * Only what takes a hold prolongs the stay: no unauthenticated request, no health check, no scrape.
 */
export function createIdleExit(needs: IdleExitNeeds): IdleExit {
  const { idleExitMs, bootGraceMs, firstAnswered, holds, server, departure, delays, exit, log } = needs
  if (idleExitMs === 0) return { endsAt: () => null }
  let cancelWait = () => {}
  let isLeaving = false
  let isGone = false
  let graceEndsAt = delays.now() + bootGraceMs
  let idleSince = delays.now()
  const endsAt = () => Math.max(idleSince + idleExitMs, graceEndsAt)
  holds.onRelease((kind) => {
    if (!prolongsNothing(kind)) idleSince = delays.now()
    if (holds.count() === 0) wait()
  })
  wait()
  void firstAnswered.then(() => {
    graceEndsAt = idleSince = delays.now()
    wait()
  })

  function wait() {
    cancelWait()
    if (isGone || isLeaving) return
    cancelWait = delays.after(Math.max(0, endsAt() - delays.now()), () => {
      if (holds.count() > 0) return // the release of the last one starts the wait again
      isLeaving = true
      leave()
        .catch((error: unknown) => {
          log.error({ err: error }, 'the port was lost during the idle check')
          exit('broken')
        })
        .finally(() => {
          isLeaving = false
          // held by a look at the page alone: it goes as soon as that is answered
          if (holds.count() === 0 || holds.count() > holds.count('page')) idleSince = delays.now()
          if (holds.count() === 0) wait()
        })
    })
  }

  async function leave() {
    const address = server.address()
    await closeListener()
    if (holds.count() === 0 && (await nothingIsOwed()) && holds.count() === 0) {
      isGone = true
      return exit('idle')
    }
    log.info({ holds: holds.byKind() }, 'no longer idle; the process stays up')
    await listenAgain(address)
  }

  async function closeListener() {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
    await within(delays, closeMs, closed, undefined)
    // the remaining connections have sent half a request, or are not authenticated yet
    if (holds.count() === 0) server.closeAllConnections()
  }

  async function nothingIsOwed(): Promise<boolean> {
    try {
      return await departure.ifNothingIsOwed()
    } catch (error) {
      log.warn({ err: error }, 'unfinished work could not be checked; the process stays up')
      return false
    }
  }

  async function listenAgain(address: ReturnType<Server['address']>) {
    if (address === null || typeof address === 'string') throw new Error('the process has no open port')
    await listenAt(server, { host: address.address, port: address.port })
  }

  return { endsAt }
}
