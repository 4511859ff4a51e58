import { type Health, isWorse, type Reason } from './judge.ts'

/** The health of the service as any process saw it last: the fact `health`. Instants are ISO 8601. */
export type HealthRecord = {
  health: Health
  reasons: Reason[]
  /** The process that saw it. */
  owner: string
  since: string
  seen_at: string
  /** The worst that was delivered since it was well last, and when. */
  told: { health: Health; at: string } | null
}

export const healthFact = 'health'

/** What a process saw and has not confirmed since counts no longer: it may be gone. */
const freshMs = 900_000

/** No two deliveries come closer together. */
const tellEveryMs = 900_000

export type Seen = { health: Health; reasons: Reason[]; owner: string }

/**
 * What is recorded after one more process has looked; null: nothing, as there is no news or another process sees worse.
 * `tells`: the default channels are to be told. Pure; the process whose compare-and-set writes it is the one to tell them.
 */
export function recordAfter(
  record: HealthRecord | null,
  { health, reasons, owner }: Seen,
  now: Date,
): { record: HealthRecord; tells: boolean } | null {
  const before = freshHealth(record, now)
  if (health === 'ok' && before === 'ok') return null
  if (record && isWorse(before, health) && record.owner !== owner) return null
  const told = record?.told ?? null
  // what was told before it was well, or before every process that saw it was gone, is told again
  const toldHealth = before === 'ok' ? 'ok' : (told?.health ?? 'ok')
  const isQuiet = told !== null && now.getTime() - Date.parse(told.at) < tellEveryMs
  const tells = isWorse(health, toldHealth) && !isQuiet
  const at = now.toISOString()
  return {
    record: {
      ...{ health, reasons, owner, seen_at: at },
      since: record && before === health ? record.since : at,
      told: tells ? { health, at } : told && { ...told, health: health === 'ok' ? 'ok' : toldHealth },
    },
    tells,
  }
}

/** `ok` if no process has confirmed it lately. */
export function freshHealth(record: HealthRecord | null, now: Date): Health {
  return record && now.getTime() - Date.parse(record.seen_at) < freshMs ? record.health : 'ok'
}
