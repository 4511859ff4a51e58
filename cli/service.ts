import { createApi, type Json } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, Stop } from './io.ts'
import { profileOf } from './profile.ts'
import { wordOf } from './projects.ts'
import { whenOf } from './show.ts'

export async function showStatus(context: Context) {
  const api = await context.api()
  const status = await api.call('GET', '/api/status')
  context.show(status, () => statusText(status, context))
}

function statusText(status: Json, { paint }: Context): string {
  const { health, reasons, jobs, process: own, owed, version, provider, projects = [] } = status
  const style = health === 'ok' ? 'green' : health === 'degraded' ? 'yellow' : 'red'
  return [
    `${paint(style, health)}  Chronos ${version}, woken by ${provider}, up since ${whenOf(own.started_at)}`,
    ...pausesIn(projects).map((pause) => paint('yellow', pause)),
    ...reasons.map(({ code, message }: Json) => `  ${code}: ${message}`),
    `jobs   ${jobs.scheduled} scheduled, ${jobs.paused} paused, ${jobs.completed} finished, ${jobs.error} stopped`,
    `runs   ${own.runs.running} running, ${own.runs.queued + own.runs.waiting} waiting`,
    `owed   ${owed.arms} wake-ups, ${owed.overdue_jobs} overdue jobs, ${owed.lost_wakes} lost wake-ups`,
    '',
  ].join('\n')
}

/** A pause of everything covers those of its projects. */
function pausesIn(projects: Json[]): string[] {
  const everything = projects.filter(({ name, paused }) => name === '*' && paused)
  const paused = everything.length > 0 ? everything : projects.filter((one) => one.paused)
  return paused.map(({ name, paused_at: since, paused_by: by, paused_reason: reason }) => {
    const why = reason === null ? '' : `: ${reason}`
    return `${wordOf(name)} is paused since ${since}, by ${by}${why}. No run begins.`
  })
}

type Finding = { ok: boolean; text: string }

/** Checks a deployment from outside, by what anybody and what this key may see. Exit code 1 if something is wrong. */
export async function doctor(context: Context, profile: string | undefined) {
  const found: Finding[] = []
  const { url, key } = await profileOf(context.io, profile)
  const isUp = await reached(context, url, found)
  if (isUp) {
    const status = await createApi({ url, key }, context.io)
      .call('GET', '/api/status')
      .catch((error: unknown) => {
        found.push({
          ok: false,
          text: `the key is not accepted: ${error instanceof Error ? error.message : String(error)}`,
        })
        return null
      })
    if (status) found.push({ ok: true, text: 'it takes the key' }, ...findingsIn(status, url))
  }
  const isWell = found.every(({ ok }) => ok)
  context.show({ ok: isWell, findings: found }, () =>
    found
      .map(({ ok, text }) => `${ok ? context.paint('green', '✔') : context.paint('red', '✖')} ${text}\n`)
      .join(''),
  )
  if (!isWell) throw new Stop('', exitCodes.failed)
}

async function reached({ io }: Context, url: string, found: Finding[]): Promise<boolean> {
  const beganAt = performance.now()
  for (const [path, good, bad] of [
    ['/healthz', 'it answers', 'it does not answer as Chronos does'],
    ['/readyz', 'it reaches its database, which is up to date', 'it is not ready to take fires'],
  ] as const) {
    const answer = await io.fetch(url + path).catch((error: unknown) => error)
    if (!(answer instanceof Response)) {
      found.push({ ok: false, text: `${url} cannot be reached` })
      return false
    }
    const text = await answer.text()
    const detail = text.includes('"detail"')
      ? `: ${(JSON.parse(text) as { detail: string }).detail}`
      : ` (${answer.status})`
    found.push({
      ok: answer.ok,
      text: answer.ok ? `${good}, after ${Math.round(performance.now() - beganAt)} ms` : bad + detail,
    })
    if (!answer.ok && path === '/healthz') return false
  }
  return true
}

const clockMs = 5_000

function findingsIn(status: Json, url: string): Finding[] {
  const { health, reasons, owed, nas, encryption_key: seal, database, provider } = status
  const isPlain = url.startsWith('http://') && !/\/\/(localhost|127\.|\[::1\])/.test(url)
  return [
    {
      ok: !isPlain,
      text: isPlain ? 'the URL is plain http: the key can be read on its way' : 'the way to it is safe',
    },
    ...(reasons.length === 0 ? [{ ok: health === 'ok', text: `its health is ${health}` }] : []),
    ...reasons.map(({ code, message }: Json) => ({ ok: false, text: `${code}: ${message}` })),
    {
      ok: !nas.refused,
      text: nas.refused
        ? `${provider} refuses it: ${nas.refused.message ?? nas.refused}`
        : `it is woken by ${provider}`,
    },
    {
      ok: owed.arms === 0,
      text: owed.arms === 0 ? 'every wake-up is confirmed' : `${owed.arms} wake-ups are not confirmed`,
    },
    {
      ok: owed.overdue_jobs === 0,
      text: owed.overdue_jobs === 0 ? 'no job is overdue' : `${owed.overdue_jobs} jobs are overdue`,
    },
    {
      ok: seal !== 'wrong',
      text:
        seal === 'wrong'
          ? 'ENCRYPTION_KEY is not that of its database'
          : 'its encryption key is that of its database',
    },
    {
      ok: Math.abs(database.clock_ahead_ms) < clockMs,
      text: `the clocks of the process and of Postgres differ by ${Math.abs(database.clock_ahead_ms)} ms`,
    },
  ]
}

export async function openPage(context: Context) {
  const { url } = await context.api()
  context.io.open(url)
  context.show({ url }, () => `${url}\n`)
}
