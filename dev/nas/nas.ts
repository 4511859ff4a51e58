import type { AnswerEntry, LogEntry, RequestEntry } from './log.ts'
import type { Limits } from './misbehave.ts'
import type { Modes } from './modes.ts'
import type { FireAnswer } from './sender.ts'
import type { TokenOverrides } from './tokens.ts'

export type NasOptions = {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: a free one. */
  port?: number
  /** A second port that answers the control paths only, and stays up while the portal is `down`. Without it there is none. */
  controlPort?: number
  /** What outsiders call this portal, and the `iss` of its tokens; default: the address it listens at. */
  portalUrl?: string
  /** The agent (Chronos instance) whose access token and login exist from the start; fires are for `agent:{instance}`. */
  instance?: string
  clientId?: string
  /** The access token that never expires; default: a random one. */
  accessToken?: string
  /** The first refresh token; default: a random one. */
  refreshToken?: string
  /** One signing key each; the first signs the fires. Default `['ES256']` (an RSA key takes a tenth of a second to make). */
  algs?: string[]
  /**
   * `wall`: the real clock. An instant (or `virtual`, for now): a clock that stands still until it is moved.
   * Default `virtual`.
   */
  time?: string | Date
  /** The instant at which fire tokens are issued, given the NAS's own; default: the real one, since who verifies them mostly has a real clock. */
  tokenNow?: (clockNowMs: number) => number
  /** Waits between the tries of a fire that got no 2xx; it is given up after the last one's try. */
  retryGapsMs?: number[]
  /** Factor on every gap, so that a demonstration can be quick. A `Retry-After` is honoured unscaled. */
  retryScale?: number
  /** Real milliseconds that a fire waits for its answer. Default 30 000. */
  fireTimeoutMs?: number
  /** File that keys, logins and arms are kept in, so that they survive a restart. */
  state?: string
  /** Whether calls with a library's own `User-Agent`, or without `Accept: application/json`, get 403 and a page. Default true. */
  firewall?: boolean
  /** Readings of what the contract leaves open; default: the contract's own (docs/local-nas.md). */
  modes?: Modes
  /** Each `name` or `name=value`. */
  misbehave?: string[]
  /** Gets one line for each thing that happens. */
  print?: (line: string) => void
}

/** A row as `GET list` shows it. */
export type ListedArm = { job_id: string; fire_at: string; schedule_id: string }

/** An arm with what is behind the row: tries so far, and whether it still is the row of its job. */
export type HeldArm = ListedArm & {
  agent: string
  state: string
  tries: number
  due_at: string
  listed: boolean
}

export type Nas = {
  /** Without a trailing slash; it is the issuer too, unless `portalUrl` was given. */
  url: string
  /** Null without `controlPort`. */
  controlUrl: string | null
  issuer: string
  instance: string
  /** `agent:{instance}` */
  audience: string
  jwksUrl: string
  tokenUrl: string
  clientId: string
  /** Never expires. */
  accessToken: string
  /** The refresh token of the newest login that is good now. */
  refreshToken(): string
  /** The `NAS_*` variables that make a Chronos use this NAS: with the static access token, or with `refresh` by the login. */
  environment(options?: { refresh?: boolean }): Record<string, string>

  /** The rows as `GET list` would show them to `agent` (default: the instance), without misbehaviour. */
  armed(agent?: string): ListedArm[]
  /** Every arm still held: rows, and replaced arms whose retries are owed. */
  held(): HeldArm[]
  log: readonly LogEntry[]
  requests(call?: RequestEntry['call']): RequestEntry[]
  /** The fires that were answered, or failed to be. */
  fires(jobId?: string): AnswerEntry[]

  now(): Date
  /**
   * Moves the virtual clock on, from one planned fire to the next, each answered before the clock goes on;
   * resolves when everything due by then was fired and answered. Throws on a wall clock.
   */
  setTime(instant: string | Date): Promise<void>
  advance(ms: number): Promise<void>
  /** Moves the virtual clock at once and waits for nothing: for a target that holds its answer back. */
  jump(instant: string | Date): void

  /** Fires the job's row now, whatever its instant; its outcome counts like that of any fire. Throws where nothing is armed. */
  fireNow(jobId: string, agent?: string): Promise<FireAnswer>
  /** Loses what is armed for the job, with its retries, and tells no one. */
  lose(jobId: string, agent?: string): void
  /** Sends any fire to any URL; no row is touched. `token`: default a good one. */
  sendFire(input: { url: string; body: unknown; token?: string }): Promise<FireAnswer>
  /** A fire token of the instance, good unless overridden. */
  signFireToken(overrides?: TokenOverrides): Promise<string>
  /** New signing keys, which sign at once. With `keepOld` (the default) the old ones stay published for minutes. */
  rotateKeys(options?: { keepOld?: boolean }): Promise<void>

  /** A new login of an agent (default: the instance); its first refresh token. The login before it ends. */
  logIn(agent?: string): Promise<string>
  /** Revokes the login of the agent (default: the instance). */
  revokeLogin(agent?: string): Promise<void>
  /** A further access token, which does not expire. */
  issueAccessToken(options?: { agent?: string }): Promise<string>

  /** Switches a misbehaviour on, replacing one of the same name; resolves when it is in force. */
  misbehave(name: string, value?: string | number, limits?: Limits): Promise<void>
  misbehaving(): { name: string; value: string }[]
  /** Takes one misbehaviour back, or without a name all. */
  behave(name?: string): Promise<void>

  /** Resolves when nothing is due and no fire is on its way. */
  idle(): Promise<void>
  /** The first truthy value of `look`, tried now and after everything that happens here; rejects after `timeoutMs` (default 5 000). */
  waitFor<T>(
    look: (nas: Nas) => T,
    timeoutMs?: number,
  ): Promise<Exclude<T, false | null | undefined | 0 | ''>>
  /** Stops firing, cuts what is on its way, frees the ports; whatever it held is in the state file already. */
  close(): Promise<void>
}
