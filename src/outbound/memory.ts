import { createRecent } from '../ground/recent.ts'
import { OutboundRefusal } from './refusal.ts'

/**
 * What failed lately is not tried again at once: a name that did not resolve, and a place (host and port) whose
 * connections failed several times in a row. For some seconds it is refused without a try, then one call goes as a probe
 * while the others are still refused. One that connects clears it; one that fails starts a longer pause.
 */
export type Memory = {
  /** @throws OutboundRefusal TARGET_PAUSED */
  enter(host: string, port: number): Visit
}

/** One of the two ends a visit; `failed` says for how many milliseconds calls are refused from here on, or null. */
export type Visit = { connected(): void; failed(error: unknown): number | null }

type Trouble = { failures: number; pauseMs: number; until: number; isProbing: boolean; code: string }

const firstPauseMs = 5_000
const longestPauseMs = 60_000
/** Of connections in a row: a target that restarts refuses some. A name that does not resolve is paused at once. */
const mostFailures = 5
const mostRemembered = 1_000

/** Of the connection; an error before the request was sent completely says nothing about the target. */
const connectionCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ETIMEDOUT'],
])
const nameCodes = new Set(['ENOTFOUND', 'EAI_AGAIN'])

/** `now`: milliseconds of a clock that only goes forward. */
export function createMemory(now: () => number): Memory {
  const troubles = createRecent<Trouble>(mostRemembered)

  function admit(key: string, subject: string) {
    const trouble = troubles.get(key)
    if (!trouble || trouble.until === 0) return
    const leftMs = trouble.until - now()
    if (leftMs <= 0 && !trouble.isProbing) {
      trouble.isProbing = true
      return
    }
    throw paused(subject, trouble, Math.max(leftMs, 1_000))
  }

  function note(key: string, code: string, most: number): number | null {
    const trouble = troubles.get(key) ?? { failures: 0, pauseMs: 0, until: 0, isProbing: false, code }
    trouble.failures += 1
    trouble.code = code
    trouble.isProbing = false
    troubles.note(key, trouble)
    // those that were under way when the pause began do not make it longer
    if (trouble.failures < most || trouble.until > now()) return null
    trouble.pauseMs = Math.min(Math.max(trouble.pauseMs * 2, firstPauseMs), longestPauseMs)
    trouble.until = now() + trouble.pauseMs
    return trouble.pauseMs
  }

  /** A probe that was given up says nothing. */
  function release(key: string) {
    const trouble = troubles.get(key)
    if (trouble) trouble.isProbing = false
  }

  return {
    enter(host, port) {
      const place = `${host}:${port}`
      admit(host, `the name ${host} was not looked up: it did not resolve last time`)
      try {
        admit(place, `no connection to ${place} was tried because the last ones failed`)
      } catch (error) {
        release(host)
        throw error
      }
      return {
        connected() {
          troubles.forget(host)
          troubles.forget(place)
        },
        failed(error) {
          const code = error instanceof Error && 'code' in error ? String(error.code) : ''
          if (nameCodes.has(code)) {
            release(place)
            return note(host, code, 1)
          }
          // it has an address again
          troubles.forget(host)
          if (connectionCodes.has(code)) return note(place, code, mostFailures)
          release(place)
          return null
        },
      }
    },
  }
}

function paused(subject: string, { code }: Trouble, leftMs: number): OutboundRefusal {
  const until = new Date(Date.now() + leftMs).toISOString()
  const message = `${subject} (${code}); calls resume at ${until}`
  return new OutboundRefusal('TARGET_PAUSED', message, Math.ceil(leftMs))
}
