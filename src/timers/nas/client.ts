import { readInstant } from '../../ground/instant.ts'
import { isJsonObject } from '../../ground/json.ts'
import { requirePortalUrl } from '../../ground/portal-url.ts'
import {
  type Armed,
  type BodyReader,
  createRefusal,
  failure,
  isPage,
  openConnection,
  type Reply,
  send,
  type Session,
} from '../index.ts'
import type { AccessTokens } from './access.ts'
import type { NasAnswer, NasCode, NasFailure } from './answer.ts'
import { failureOf } from './failure.ts'
import { createRowReader } from './rows.ts'

/** `callbackUrl`: our base URL; NAS appends the route of fires. */
export type Provision = { jobId: string; fireAt: Date; callbackUrl: string }

export type NasClient = {
  /** Opens a connection for the next call, if none is open and calls are made; a failure shows at the call. */
  open?(): void
  /**
   * Arms one one-shot; replaces an earlier one of this job. The same instant again changes nothing. Any 2xx is a yes,
   * with `scheduleId` null if the answer names none.
   */
  provision(wanted: Provision, signal?: AbortSignal): Promise<NasAnswer<{ scheduleId: string | null }>>
  /** Disarms a job; one that is not armed is fine too. */
  cancel(jobId: string, signal?: AbortSignal): Promise<NasAnswer<null>>
  /**
   * All that is armed for this agent; null: this NAS has no list (404). Rows without a readable job and instant are
   * left out, and logged.
   */
  list(signal?: AbortSignal): Promise<NasAnswer<Armed[] | null>>
  /** The answer that made this client stop calling (kind `refused`, from NAS itself); null: it still calls. */
  refusal(): NasFailure | null
  /**
   * The login as this process knows it, without a call or the database. `terminal` only if another login would help:
   * not for a failure that may pass, and not if NAS refuses the agent itself (`invalid_client`).
   */
  session(): Session
}

type NasClientNeeds = {
  portalUrl: string
  accessToken: AccessTokens
  userAgent: string
  log: { warn(fields: object, message: string): void; error(fields: object, message: string): void }
  timeoutMs?: number
}

type Request = {
  method: 'get' | 'post'
  url: URL
  json?: unknown
  maxBytes: number
  /** For a long answer: one reader for each, and the time for all of it. Default: it is read as a whole. */
  long?: { newReader: () => BodyReader; timeoutMs: number }
  signal: AbortSignal | undefined
}

const smallBytes = 64 * 1024
// A row is about 120 bytes on its way, and 90 in memory: the list is read as it comes, and only its rows are kept.
const listRows = 2_000_000
const listBytes = 512 * 1024 * 1024
/** As long as it keeps coming. */
const listMs = 120_000

/**
 * The calls of the timer service. No call is retried in here, with one exception: after a 401 again with a new
 * access token. A permanent refusal (403 invalid_client, or 401 to a token that cannot be renewed) is logged once,
 * and every later call of this client gets that answer without a request.
 */
export function createNasClient({
  portalUrl,
  accessToken,
  userAgent,
  log,
  timeoutMs = 15_000,
}: NasClientNeeds): NasClient {
  const portal = requirePortalUrl(portalUrl)
  const base = portal.href.replace(/(?<!\/)\/+$/, '')
  const urls = {
    provision: new URL(`${base}/api/agent-cron/provision`),
    cancel: new URL(`${base}/api/agent-cron/cancel`),
    list: new URL(`${base}/api/agent-cron/list`),
  }
  const refusal = createRefusal<NasCode>({
    says: 'NAS permanently refuses this agent',
    // a login that was refused is the portal's word, and the login itself remembers it
    isFinal: ({ code }) => code === 'NAS_INVALID_CLIENT' || code === 'NAS_TOKEN_REJECTED',
    log,
  })

  const ask = (request: Request) => refusal.unlessRefused(() => askWithFreshToken(request))

  async function askWithFreshToken(request: Request): Promise<NasAnswer<Reply>> {
    const token = await accessToken.get(request.signal)
    if (!token.ok) return token
    const first = await askOnce(request, token.value)
    if (!first.ok || first.value.status !== 401) return judge(first)
    accessToken.invalidate(token.value)
    const next = await accessToken.get(request.signal)
    if (!next.ok) return next
    if (next.value === token.value)
      return tokenRejected('refused', 'NAS did not accept the access token, and there is no other one')
    const second = await askOnce(request, next.value)
    if (!second.ok || second.value.status !== 401) return judge(second)
    accessToken.invalidate(next.value)
    return tokenRejected('transient', 'NAS did not accept two access tokens in a row')
  }

  function askOnce(
    { method, url, json, maxBytes, long, signal }: Request,
    token: string,
  ): Promise<NasAnswer<Reply>> {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json', 'user-agent': userAgent }
    return send({
      service: 'NAS',
      method,
      url,
      headers,
      json,
      timeoutMs: long?.timeoutMs ?? timeoutMs,
      silenceMs: timeoutMs,
      maxBytes,
      reader: long?.newReader(),
      signal,
    })
  }

  async function provision({ jobId, fireAt, callbackUrl }: Provision, signal?: AbortSignal) {
    const at = writeInstant(fireAt)
    const json = { job_id: jobId, fire_at: at, agent_callback_url: callbackUrl, dedup_key: `${jobId}:${at}` }
    const request = {
      method: 'post',
      url: urls.provision,
      json,
      maxBytes: smallBytes,
      signal,
    } as const
    const answer = await ask(request)
    if (!answer.ok) return answer
    // a page is from something in front of NAS, which has armed nothing
    if (isPage(answer.value)) return unreadable(answer.value, 'no HTML page')
    return { ok: true as const, value: { scheduleId: readId(answer.value.body?.['schedule_id']) } }
  }

  async function cancel(jobId: string, signal?: AbortSignal): Promise<NasAnswer<null>> {
    const json = { job_id: jobId }
    const answer = await ask({
      method: 'post',
      url: urls.cancel,
      json,
      maxBytes: smallBytes,
      signal,
    })
    return answer.ok ? { ok: true, value: null } : answer
  }

  async function list(signal?: AbortSignal): Promise<NasAnswer<Armed[] | null>> {
    let armed: Armed[] = []
    let skipped = 0
    function take(row: unknown) {
      const arm = readArmed(row)
      if (arm) armed.push(arm)
      else skipped += 1
    }
    function newReader() {
      armed = []
      skipped = 0
      return createRowReader('armed', take, listRows)
    }
    const long = { newReader, timeoutMs: listMs }
    const answer = await ask({ method: 'get', url: urls.list, maxBytes: listBytes, long, signal })
    if (!answer.ok) return isNoList(answer) ? { ok: true, value: null } : answer
    if (!Array.isArray(answer.value.body?.['armed']))
      return unreadable(answer.value, 'a body with a list "armed"')
    if (skipped > 0) log.warn({ skipped, read: armed.length }, 'NAS listed rows that could not be read')
    return { ok: true, value: armed }
  }

  function session(): Session {
    const refused = refusal.get()
    if (!refused) return accessToken.session()
    return refused.code === 'NAS_INVALID_CLIENT' ? 'unknown' : 'terminal'
  }

  function open() {
    if (!refusal.get()) openConnection(portal)
  }

  return { open, provision, cancel, list, refusal: refusal.get, session }
}

/** Whole seconds if possible (all that NAS guarantees), and `+00:00`, which older ISO parsers read too. */
function writeInstant(at: Date): string {
  return at.toISOString().replace(/(\.000)?Z$/, '+00:00')
}

function judge(answer: NasAnswer<Reply>): NasAnswer<Reply> {
  if (!answer.ok) return answer
  const { status } = answer.value
  return status >= 200 && status < 300 ? answer : failureOf(answer.value)
}

/** The token endpoint may answer 404 too; that says nothing of the list. */
function isNoList({ status, code }: NasFailure): boolean {
  return status === 404 && (code === 'NAS_REJECTED' || code === 'NAS_FAILED')
}

function tokenRejected(kind: 'refused' | 'transient', message: string): NasFailure {
  return { ...failure(kind, 'NAS_TOKEN_REJECTED', `answered 401: ${message}`), status: 401 }
}

function unreadable({ status }: Reply, expected: string): NasFailure {
  return { ...failure('transient', 'NAS_UNREADABLE', `answered ${status} without ${expected}`), status }
}

function readArmed(row: unknown): Armed | null {
  if (!isJsonObject(row)) return null
  const { job_id: jobId, fire_at: fireAt } = row
  const fireAtMs = typeof fireAt === 'string' ? readMs(fireAt) : null
  return typeof jobId === 'string' && idForm.test(jobId) && fireAtMs !== null ? { jobId, fireAtMs } : null
}

/** Whatever else may be listed: no id of ours has a space, a line break or a NUL in it. */
const idForm = /^[!-~]+$/
const usualInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/

/** As `readInstant`, and in the usual form three times as fast (which a list of 100,000 rows feels). */
function readMs(text: string): number | null {
  const ms = usualInstant.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? (readInstant(text)?.getTime() ?? null) : ms
}

/** The id goes into rows and answers: one that is no short word, or repeats the token, is as good as none. */
function readId(value: unknown): string | null {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && /^[!-~]{1,200}$/.test(value) && !value.includes('[REDACTED]')
    ? value
    : null
}
