import { exitCodes, Stop } from './io.ts'

const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

/** `2h`, `3 days`, `today`, `yesterday` (from midnight, local time) or an ISO instant, as an ISO instant. @throws Stop */
export function instantOf(text: string, now = new Date()): string {
  const [, count, unit] =
    /^(\d{1,6})\s*([smhdw])(?:ec|ecs|in|ins|our|ours|ay|ays|eek|eeks|r|rs)?(?: ago)?$/i.exec(text.trim()) ??
    []
  if (count && unit)
    return new Date(now.getTime() - Number(count) * (units[unit.toLowerCase()] ?? 0)).toISOString()
  const days = { today: 0, yesterday: 1 }[text.trim().toLowerCase()]
  if (days !== undefined)
    return new Date(now.getFullYear(), now.getMonth(), now.getDate() - days).toISOString()
  const at = Date.parse(text)
  if (!Number.isNaN(at) && /\d{4}-/.test(text)) return new Date(at).toISOString()
  throw new Stop(
    `${JSON.stringify(text)} is no time. Write 2h, 3d, today, yesterday or 2026-06-18T09:00:00Z.`,
    exitCodes.usage,
  )
}
