import type { PromptPlace } from '../src/actions/index.ts'
import type { SlotDay, Lists, Look, Page } from '../db/index.ts'
import type { Audit } from '../src/access/audit.ts'
import type { PageFiles } from '../src/process/page-files.ts'
import type { Costs, Overview } from '../db/index.ts'
import type { Timeline } from '../src/jobs/timeline.ts'
import type { Sessions } from '../src/access/sessions.ts'
import type { HoldKind } from '../src/ground/holds.ts'
import type { Callbacks } from '../src/run/callback.ts'
import type { CallbackAddress } from '../src/run/callback-address.ts'
import type { Channels } from '../src/delivery/channels.ts'
import type { Registry } from '../src/decisions/index.ts'
import type { FireCall } from '../src/run/fire.ts'
import type { Declared } from '../src/jobs/declared.ts'
import type { Tries } from '../src/run/tries.ts'
import type { Jobs } from '../src/jobs/jobs.ts'
import type { Projects } from '../src/access/projects.ts'
import type { Refusals } from '../src/access/refusals.ts'
import type { Secrets } from '../src/vault/secrets.ts'
import type { Logs } from '../src/attempt-logs/logs.ts'
import type { Keys } from '../src/access/keys/index.ts'
import type { Deliveries } from '../src/delivery/deliveries.ts'
import type { SendMessage } from '../src/delivery/send.ts'
import type { FireVerifier } from '../src/timers/index.ts'

/** All that the routes call. They hold no logic of their own: schema, auth scope, one call, answer. */
export type RouteNeeds = {
  jobs: Jobs
  /** Files of jobs of a project; loaded on first use. */
  declared(project: string): Promise<Declared>
  projects: Projects
  deliveries: Deliveries
  callbacks: Callbacks & Pick<CallbackAddress, 'verify'>
  fire: FireCall
  /** @throws AppError TOKEN_REJECTED, JWKS_UNAVAILABLE */
  verifier: Pick<FireVerifier, 'verifyFire'>
  keys: Keys
  /** Loaded on first use. */
  sessions(): Promise<Sessions>
  /** Keeps a trace of callers whose API key was refused. */
  refusals: Pick<Refusals, 'note'>
  audit: Audit
  /** Loaded on first use. */
  secrets(): Promise<Secrets>
  /** Loaded on first use. */
  channels(): Promise<Channels>
  /** One try to reach a receiver. */
  send: SendMessage
  /** Loaded on first use. */
  logs(): Promise<Logs>
  /** Keeps this process up until the returned function is called; one for the page adds no further stay. */
  hold(kind: Extract<HoldKind, 'request' | 'page'>): () => void
  /** Milliseconds until this process goes down if no client calls; null: that cannot be foreseen. */
  goesDownInMs(): number | null
  /** Whether fires are taken now; no database. @throws AppError DRAINING, NOT_READY */
  refuseIfDraining(): void
  /** Loaded on first use. */
  tries(): Promise<Tries>
  look(jobId: string): Promise<Look | null>
  /** Reads in drizzle, loaded on first use. */
  lists(): Promise<Lists>
  /** `from` inclusive, `to` exclusive; nothing after now. */
  ledger(
    jobId: string,
    wish: { from: Date; to: Date; limit: number },
  ): Promise<
    Page<{ slot: Date; verdict: string; reason: string | null; runId: string | null }> & { days: SlotDay[] }
  >
  reconcile(): Promise<object>
  /** For callers without a key: no database. */
  brief(): object
  status(): Promise<object>
  /** What overviews are read with, loaded on first use. */
  overview(): Promise<Overview>
  /** Lanes of the jobs that wake in a window. */
  timeline(wish: { project: string | null; from: Date; to: Date; limit: number }): Promise<Timeline>
  /** What the service has used; `from` and `to`: UTC days, inclusive. */
  costs(wish: { project: string | null; from: Date; to: Date }): Promise<Costs>
  /** The built page, read on first use; null: there is none. */
  page(): Promise<PageFiles | null>
  readiness(): Promise<{ ready: boolean; [detail: string]: unknown }>
  metrics(): string | Promise<string>
  /** Whether an outside timer has confirmed the wake-up that a job needs. */
  isArmed(registry: Registry): boolean
  /** The scheduler that triggers jobs here. */
  trigger(): string
  config: {
    /** Zone of jobs that name none. */
    timezone: string
    /** False where the metrics have a port of their own. */
    metricsHere: boolean
    version: string
    prompt: PromptPlace
    /** Whose pages may call the API from a browser. */
    corsOrigins: readonly string[]
    /** Calls of the API in a minute, for each key; 0: no limit. */
    rateLimitPerMinute: number
    /** True behind Fly's proxy, which says where a call comes from. */
    isOnFly: boolean
    production: boolean
  }
  now(): Date
}
