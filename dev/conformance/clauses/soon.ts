import { secret } from '../kit/login.ts'

/** A cron with seconds that is due at the first whole second at least `ms` from now, and then a day later. */
export function daily(ms: number): { schedule: string; slot: number } {
  const slot = Math.ceil((Date.now() + ms) / 1000) * 1000
  const at = new Date(slot)
  return { schedule: `${at.getUTCSeconds()} ${at.getUTCMinutes()} ${at.getUTCHours()} * * *`, slot }
}

/** NAS's way to write an instant: whole seconds, with an offset. */
export function isoIn(ms: number): string {
  return iso(Date.now() + ms)
}

export function iso(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 19)}+00:00`
}

/** The same instant, written in another zone. */
export function inOtherZone(text: string): string {
  return `${new Date(Date.parse(text) + 5.5 * 3_600_000).toISOString().slice(0, -1)}+05:30`
}

/** A name that no other job has. */
export function nonce(): string {
  return secret('n').slice(2, 14)
}
