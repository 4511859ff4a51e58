import { type Call, detailOf, type Fields, Wrong } from './call.ts'
import type { Finding } from './report.ts'

export async function answers(call: Call): Promise<string> {
  const startedAt = performance.now()
  const { status, body } = await call('GET', '/healthz')
  if (status === 200 && body.status === 'ok')
    return `it answers, after ${Math.round(performance.now() - startedAt)} ms`
  if (status >= 500)
    throw new Wrong(
      `it answers ${status}: what stands in front is there, and the service is not. Look at its log: a configuration that is not valid ends it with exit status 78 and says why.`,
    )
  throw new Wrong(`/healthz is answered ${status}, not as Chronos does it. Check the URL.`)
}

export async function isReady(call: Call): Promise<string> {
  const { status, body } = await call('GET', '/readyz')
  if (status === 200) return 'it reaches its database, which is up to date'
  const problem =
    body.database === false
      ? 'its database does not answer'
      : (body.problem ?? `/readyz is answered ${status}`)
  throw new Wrong(`it is not ready: ${problem}. Check DATABASE_URL, and that the migration has run.`)
}

export async function takesKey(call: Call): Promise<Fields> {
  const { status, body } = await call('GET', '/api/status')
  if (status === 200) return body
  if (status === 401)
    throw new Wrong(
      'it does not take the API key. It has to be the API_KEY of the service, or a key made by POST /api/keys.',
    )
  if (status === 403) throw new Wrong(`the API key is not allowed to do this: ${detailOf(body)}`)
  throw new Wrong(`/api/status is answered ${status}: ${detailOf(body)}`)
}

type Judged = { isWrong: boolean; text: string }

/** Which timer wakes the service, and whether it is the one that was meant. `hasToSleep`: only an outside timer will do. */
export function timerOf({ scheduler, nas }: Fields, { hasToSleep }: { hasToSleep: boolean }): Judged {
  const { name, configured } = scheduler ?? { name: 'builtin', configured: '' }
  const refused = nas?.refused
  if (name !== 'builtin') return { isWrong: false, text: `an outside timer wakes it (${name})` }
  const asked = configured === '' ? 'builtin' : configured
  if (refused)
    return {
      isWrong: true,
      text: `the timer refuses this service: ${refused.code}: ${refused.message}. Give it a new token or login; until then the service is its own timer and cannot sleep.`,
    }
  if (asked !== 'builtin')
    return {
      isWrong: true,
      text: `CRON_PROVIDER is ${asked}, and its configuration is not complete. The log of the service names each variable that is missing; until then the service is its own timer and cannot sleep.`,
    }
  return hasToSleep
    ? {
        isWrong: true,
        text: 'no outside timer is set up: the service is its own timer and cannot sleep. Set CRON_PROVIDER and its variables (docs/timers.md). If it is meant to stay up, run this with --always-on.',
      }
    : { isWrong: false, text: 'it is its own timer: its jobs run as long as it is up' }
}

const clockMs = 5_000

/** What the service says of itself. A key of a project sees little of that. */
export function findingsIn(status: Fields, url: string): Finding[] {
  const { health, reasons = [], owed, encryption_key: seal, database } = status
  const isPlain = url.startsWith('http://') && !/\/\/(localhost|127\.|\[::1\])/.test(url)
  const way = isPlain ? 'the URL is plain http: the key can be read on its way' : 'the way to it is safe'
  return [
    { ok: !isPlain, text: way },
    ...(health !== undefined && reasons.length === 0
      ? [{ ok: health === 'ok', text: `its health is ${health}` }]
      : []),
    ...reasons.map(({ code, message }) => ({ ok: false, text: `${code}: ${message}` })),
    ...(owed
      ? [
          counted(owed.arms, 'every wake-up is confirmed', 'wake-ups are not confirmed'),
          counted(owed.overdue_jobs, 'no job is overdue', 'jobs are overdue'),
        ]
      : []),
    ...(seal === undefined ? [] : [sealOf(seal)]),
    ...(typeof database === 'object' ? [clocksOf(database.clock_ahead_ms)] : []),
  ]
}

function counted(count: number, none: string, some: string): Finding {
  return count === 0 ? { ok: true, text: none } : { ok: false, text: `${count} ${some}` }
}

function sealOf(seal: string): Finding {
  return seal === 'wrong'
    ? { ok: false, text: 'ENCRYPTION_KEY is not that of its database' }
    : { ok: true, text: 'its encryption key is that of its database' }
}

function clocksOf(aheadMs: number): Finding {
  const byMs = Math.abs(aheadMs)
  return { ok: byMs < clockMs, text: `the clocks of the process and of Postgres differ by ${byMs} ms` }
}
