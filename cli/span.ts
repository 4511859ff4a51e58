import { exitCodes, Stop } from './io.ts'

const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }
const spanForm = /^(\d{1,6})\s*([smhdw])(?:ec|ecs|in|ins|our|ours|ay|ays|eek|eeks|r|rs)?$/i

function msOf(text: string): number | null {
  const [, count, unit = ''] = spanForm.exec(text.trim()) ?? []
  return count === undefined ? null : Number(count) * (units[unit.toLowerCase()] ?? 0)
}

/** Of a day that is named, local time. */
function midnightOf(text: string, days: Record<string, number>, now: Date): string | null {
  const ahead = days[text.trim().toLowerCase()]
  if (ahead === undefined) return null
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + ahead).toISOString()
}

function isoOf(text: string): string | null {
  const at = Date.parse(text)
  return !Number.isNaN(at) && /\d{4}-/.test(text) ? new Date(at).toISOString() : null
}

/** `2h`, `3 days`, `today`, `yesterday` (from midnight, local time) or an ISO instant, as an ISO instant. @throws Stop */
export function instantOf(text: string, now = new Date()): string {
  const ms = msOf(text.replace(/ ago\s*$/i, ''))
  const found =
    ms === null
      ? (midnightOf(text, { today: 0, yesterday: -1 }, now) ?? isoOf(text))
      : new Date(now.getTime() - ms).toISOString()
  return found ?? noTime(text, '2h, 3d, today, yesterday or 2026-06-18T09:00:00Z')
}

/** `2h`, `3 days`, `tomorrow` (at midnight, local time) or an ISO instant, as an ISO instant. @throws Stop */
export function laterOf(text: string, now = new Date()): string {
  const ms = msOf(text.replace(/^\s*in /i, ''))
  const found =
    ms === null
      ? (midnightOf(text, { tomorrow: 1 }, now) ?? isoOf(text))
      : new Date(now.getTime() + ms).toISOString()
  return found ?? noTime(text, '2h, 3d, tomorrow or 2030-06-18T09:00:00Z')
}

function noTime(text: string, forms: string): never {
  throw new Stop(`${JSON.stringify(text)} is no time. Write ${forms}.`, exitCodes.usage)
}
