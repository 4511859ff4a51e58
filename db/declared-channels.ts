import { AppError } from '../src/ground/errors.ts'
import { shortName } from '../src/ground/project.ts'
import { removeUnused, type StoredChannel } from './channels.ts'
import type { Sql } from './client.ts'
import type { Row } from './columns.ts'

/** What a file makes of channels. `seen`: as it was sealed when it was looked at; null: there was none. */
export type ChannelBatch = {
  puts: (Pick<StoredChannel, 'name' | 'type' | 'sealed' | 'defaultOn'> & { seen: string | null })[]
  removes: { name: string; seen: string }[]
}

/** Makes and replaces them, in use again; false: one has changed since it was looked at. In the order of their names, as every apply locks them. */
export async function putChannels(sql: Sql, puts: ChannelBatch['puts'], now: Date | null): Promise<boolean> {
  if (puts.length === 0) return true
  const ordered = puts.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const written = ordered.map(({ name, type, sealed, seen, defaultOn }) => ({
    ...{ name, type, sealed, seen, default_on: defaultOn },
  }))
  const rows: Row[] = await sql`
    insert into channels (name, type, sealed, default_on, created_at, updated_at)
    select name, type, sealed, default_on, now, now
    from (select coalesce(${now}::timestamptz, clock_timestamp()) as now) c,
      jsonb_to_recordset(${sql.json(written)})
        as given(name text, type text, sealed text, default_on text[], seen text)
    where seen is null or exists (select from channels o where o.name = given.name and o.sealed = given.seen)
    on conflict on constraint channels_pkey do update set
      type = excluded.type, sealed = excluded.sealed, default_on = excluded.default_on,
      disabled_at = null, disabled_reason = null, last_error = null, last_error_at = null,
      updated_at = excluded.updated_at
      where channels.sealed in (select jsonb_array_elements_text(${sql.json(ordered.flatMap(({ seen }) => seen ?? []))}))
    returning name`
  return rows.length === puts.length
}

/** False: one has changed since it was looked at. @throws AppError CHANNEL_IN_USE: names the jobs */
export async function removeChannels(sql: Sql, removes: ChannelBatch['removes']): Promise<boolean> {
  for (const { name, seen } of removes) {
    const rows: Row[] = await sql`select from channels where name = ${name} and sealed = ${seen} for update`
    if (rows.length === 0) return false
    const { isRemoved, users } = await removeUnused(sql, name)
    if (!isRemoved) throw channelInUse(name, users)
  }
  return true
}

/** The error if jobs name a channel that is to go. */
export function channelInUse(name: string, users: { id: string; name: string }[]): AppError {
  const jobs = users.map((job) => `${job.id} (${job.name})`).join(', ')
  const message = `Channel ${shortName(name)} is used by job ${jobs}. Remove it from those jobs first.`
  return new AppError('CHANNEL_IN_USE', message, { extra: { jobs: users.map(({ id }) => id) } })
}
