import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '../ground/config.ts'
import type { Log } from '../ground/log.ts'
import type { KeyStore } from '../token/index.ts'
import type { TimerAnswer, TimerFailure } from './answer.ts'

/**
 * A service outside that wakes us: it calls our fire route at an instant. What all of them need (the generation, one
 * call at a time for each job, the horizon, tries that go on) is in src/arming, and no timer does it again.
 */
export type Timer = TimerClient & FireVerifier

export type TimerClient = TimerNames & TimerCalls

/** What is known of a timer before it is loaded. */
export type TimerNames = {
  /** As CRON_PROVIDER names it. */
  readonly name: string
  /** As logs and messages call it. */
  readonly title: string
  /** Where it keeps wake-ups: at another place none of them are known. Empty: its list tells what is there. */
  readonly place: string
  readonly limits: TimerLimits
}

/** No call is retried in here, and none throws. */
export type TimerCalls = {
  /**
   * Opens a connection for a call that is to be expected, if none is open. Whether it comes about shows at that call.
   * Absent: this timer is not called over a connection of its own.
   */
  open?(): void
  /** Makes one wake-up. `scheduleId`: what the service calls it, which `cancel` is given; null: it names none. */
  arm(wanted: ArmWish, signal?: AbortSignal): Promise<TimerAnswer<{ scheduleId: string | null }>>
  /** Takes a wake-up back; one that is not there is fine too. */
  cancel(arm: ArmId, signal?: AbortSignal): Promise<TimerAnswer<null>>
  /** All that is armed; null: this timer cannot say. */
  list(signal?: AbortSignal): Promise<TimerAnswer<Armed[] | null>>
  /** The answer that made this client stop calling (kind `refused`); null: it still calls. */
  refusal(): TimerFailure | null
  /** The identity that it calls with, as this process knows it, without a call or the database. */
  session(): Session
}

export type TimerLimits = {
  /** A wake-up further ahead than this is armed at this distance first. Infinity: it reads our wake times by itself. */
  horizonMs: number
  /**
   * True: there is one wake-up for each job, which a new one replaces, and which the answer to a fire may take away.
   * False: each stands for itself, and one that was replaced has to be cancelled.
   */
  isOnePerJob: boolean
}

/**
 * `gen`: the generation of the wake time; with `fireAt`, no two wishes of a job are the same unless the service certainly
 * does not hold the first. `callbackUrl`: our base URL, which the route of fires is appended to.
 */
export type ArmWish = { jobId: string; gen: number; fireAt: Date; callbackUrl: string }

/** `scheduleId` null: no wake-up with a name is known. */
export type ArmId = { jobId: string; scheduleId: string | null }

/** A wake-up that a timer holds, until this instant (epoch milliseconds). As small as it can be: there may be 100,000. */
export type Armed = { jobId: string; fireAtMs: number }

/**
 * The state of a login, in the words that a portal reads. `terminal`: it is dead, and only another login helps.
 * `unknown`: neither that nor a token that would be taken now; it has not been used yet, or its token has expired.
 */
export type Session = 'valid' | 'terminal' | 'unknown'

/** Proves that a fire is from this timer. */
export type FireVerifier = {
  /**
   * From the headers alone, before the body is read; touches no database. `likely` is called as soon as only the proof
   * is missing, or with it.
   *
   * @throws AppError TOKEN_REJECTED (`rejectReason(error)` says why, for the log only)
   * @throws AppError JWKS_UNAVAILABLE: no known key fits, and the service cannot be asked for its keys
   */
  verifyFire(headers: IncomingHttpHeaders, likely?: () => void): Promise<VerifiedFire>
  /** Loads what was stored, at boot. Never rejects. */
  warm(): Promise<void>
  /** To be called after a verified fire, in the background. Never rejects. */
  refreshIfStale(): Promise<void>
  /** The last failed request for keys; null: none since the last good one. */
  keysError(): { at: Date; message: string } | null
}

export type VerifiedFire = {
  /** For a timer that signs the body too. @throws AppError TOKEN_REJECTED: it is another one */
  checkBody?(body: Buffer): void
  /** The fire was answered 2xx: its token may be refused from now on. */
  acknowledged?(): void
}

/**
 * A statement in the service's own database, for a timer that is in it, or several: all of them or none. May be carried
 * out twice. Rejects with the server's error, its SQLSTATE in `code`, or DATABASE_UNAVAILABLE.
 */
export type Query = (text: string) => Promise<Record<string, unknown>[]>

/** All that a timer is made of. */
export type TimerNeeds = {
  config: Config
  userAgent: string
  /** Where the keys of this address survive the process. */
  keyStore: (jwksUrl: string) => KeyStore
  query: Query
  log: Log
}
