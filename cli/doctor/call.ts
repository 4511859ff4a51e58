import type { Io } from '../io.ts'
import { headersOf, type Profile } from '../profile.ts'

/** What is read of the answers of the service, whichever they are. */
export type Fields = {
  status?: string
  problem?: string
  database?: boolean | { clock_ahead_ms: number }
  detail?: string
  error?: string
  provider?: string
  health?: string
  reasons?: { code: string; message: string }[]
  owed?: { arms: number; overdue_jobs: number }
  encryption_key?: string
  scheduler?: { name: string; configured: string }
  nas?: { refused: { code: string; message: string } | null }
  process?: { started_at: string; holds: Record<string, number> }
  job?: { id: string; armed: boolean }
  runs?: Run[]
  armed?: boolean
  trigger?: string
  armed_at?: string | null
  wake_at?: string | null
  last_error?: string | null
}

type Run = {
  trigger: string
  state: string
  finished_at: string | null
  lateness_ms: number | null
  error: { code: string; message: string } | null
}

/** `at`: by the clock of the service, in whole seconds. */
export type Answer = { status: number; body: Fields; at: Date }

export type Call = (method: string, path: string, body?: object) => Promise<Answer>

/** No answer of the service: why, in words for the person who deployed it. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** Something is wrong: what, and what to do about it. Nothing that comes after it can be tried. */
export class Wrong extends Error {
  override readonly name = 'Wrong'
}

/** A machine that sleeps boots first, and a proxy in front of it may need some tries. */
const timeoutMs = 40_000

/** Calls with the key of a profile. Each rejects with Unreachable if nothing there answers. */
export function createCall(profile: Profile, { fetch: send }: Pick<Io, 'fetch'>): Call {
  const { url } = profile
  return async (method, path, body) => {
    const headers = {
      ...headersOf(profile),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await send(url + path, { method, headers, signal, redirect: 'manual', ...sent }).catch(
      (error: Error) => {
        throw new Unreachable(whyNot(url, error))
      },
    )
    const text = await answer.text()
    const at = new Date(answer.headers.get('date') ?? Date.now())
    return { status: answer.status, body: fieldsIn(text), at }
  }
}

function fieldsIn(text: string): Fields {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}

function whyNot(url: string, error: Error): string {
  const { host } = new URL(url)
  const cause = error.cause instanceof Error ? error.cause : error
  const code = 'code' in cause ? String(cause.code) : error.name
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `There is no host ${host}. Check the URL.`
  if (code === 'ECONNREFUSED') return `Nothing listens at ${host}. Check the port, and that the service runs.`
  if (code === 'TimeoutError') return `${host} did not answer within ${timeoutMs / 1000} s. Look at its log.`
  if (/CERT|TLS|SSL|ALTNAME/.test(code)) return `The certificate of ${host} is not accepted (${code}).`
  return `${host} broke off the call (${code}: ${cause.message}). Look at its log.`
}

export function detailOf(body: Fields): string {
  return body.detail ?? body.error ?? 'no reason was given'
}
