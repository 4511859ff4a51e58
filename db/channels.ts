import { defaultProject, shortName } from '../src/ground/project.ts'
import type { Database, Sql } from './client.ts'
import { date, maybeDate, type Row } from './columns.ts'
import { type Page, type PageWish, readPage } from './pages.ts'

/** A channel as it is kept, under its name of all projects (`nameIn`): its configuration is sealed as a whole. `defaultOn` null: no job tells it unasked. */
export type StoredChannel = {
  name: string
  type: string
  sealed: string
  defaultOn: string[] | null
  /** Both null: it is in use. */
  disabledAt: Date | null
  disabledReason: string | null
  /** Why the newest delivery to it failed permanently; both null: one has arrived since. */
  lastError: string | null
  lastErrorAt: Date | null
  createdAt: Date
  updatedAt: Date
}

export type ChannelStore = ReturnType<typeof createChannelStore>

/** More jobs that name a channel are not told. */
const mostUsers = 10

/** Default channels that are told of the health of the service. */
const mostTold = 20

/** `clock`, if given, stands in for Postgres' own. */
export function createChannelStore(database: Database, clock: () => Date | null = () => null) {
  const idempotent = true
  return {
    async find(name: string): Promise<StoredChannel | null> {
      const [row]: Row[] = await database.run(
        (sql) => sql`select *, to_json(default_on) as default_on from channels where name = ${name}`,
        { idempotent, name: 'reading the channel' },
      )
      return row ? readChannel(row) : null
    },

    /** Those of the names that there are. */
    async exists(names: readonly string[]): Promise<Set<string>> {
      const rows: Row[] = await database.run(
        (sql) => sql`
          select name from channels where name in (select jsonb_array_elements_text(${sql.json([...names])}))`,
        { idempotent, name: 'looking for channels' },
      )
      return new Set(rows.map((row) => row['name'] as string))
    },

    /** Those of the names that the project has; null: all. By name, `limit` at most. */
    async some(project: string, names: readonly string[] | null, limit: number): Promise<StoredChannel[]> {
      const rows: Row[] = await database.run(
        (sql) => sql`
          select *, to_json(default_on) as default_on from channels
          where project = ${project}
            and (${names === null} or name in (select jsonb_array_elements_text(${sql.json([...(names ?? [])])})))
          order by name limit ${limit}`,
        { idempotent, name: 'reading the channels' },
      )
      return rows.map(readChannel)
    },

    /** By name. */
    async list(project: string, wish: PageWish<string>): Promise<Page<StoredChannel, string>> {
      const read = async ({ after, limit }: PageWish<string>) => {
        const rows: Row[] = await database.run(
          (sql) => sql`
            select *, to_json(default_on) as default_on from channels
            where project = ${project} and (${after}::text is null or name > ${after}::text)
            order by name limit ${limit}`,
          { idempotent, name: 'listing the channels' },
        )
        return rows.map(readChannel)
      }
      return readPage(wish, read, ({ name }) => name)
    },

    /** Whether a channel in use hears of the failures of jobs of `default` that name none. */
    async hearsOfFailures(): Promise<boolean> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          select exists (
            select from channels
            where project = ${defaultProject} and disabled_at is null and default_on && array['failure', 'always']
          ) as hears`,
        { idempotent, name: 'looking for a channel' },
      )
      return row?.['hears'] === true
    },

    /** Those of `default` in use that hear of the failures of jobs that name none, but for health checks, which are pinged. */
    async defaultForFailures(): Promise<string[]> {
      const rows: Row[] = await database.run(
        (sql) => sql`
          select name from channels
          where project = ${defaultProject} and disabled_at is null and default_on && array['failure', 'always'] and type <> 'healthcheck'
          order by name limit ${mostTold}`,
        { idempotent, name: 'looking for the default channels' },
      )
      return rows.map((row) => row['name'] as string)
    },

    /** Makes or replaces it, in use again. `isNew`: there was none with this name. */
    async put(
      channel: Pick<StoredChannel, 'name' | 'type' | 'sealed' | 'defaultOn'>,
    ): Promise<{ channel: StoredChannel; isNew: boolean }> {
      const on = channel.defaultOn?.join(' ') ?? null
      const [row]: Row[] = await database.run(
        (sql) => sql`
          insert into channels (name, type, sealed, default_on, created_at, updated_at)
          select ${channel.name}, ${channel.type}, ${channel.sealed}, string_to_array(${on}::text, ' '), now, now
          from (select coalesce(${clock()}::timestamptz, clock_timestamp()) as now) c
          on conflict on constraint channels_pkey do update set
            type = excluded.type, sealed = excluded.sealed, default_on = excluded.default_on,
            disabled_at = null, disabled_reason = null, last_error = null, last_error_at = null,
            updated_at = excluded.updated_at
          returning *, to_json(default_on) as default_on, xmax = 0 as is_new`,
        { name: 'storing the channel' },
      )
      if (!row) throw new Error('an upsert of a channel returned no row')
      return { channel: readChannel(row), isNew: row['is_new'] === true }
    },

    /** Disables it; the first reason stays. If it is gone, nothing happens. */
    async disable(name: string, reason: string): Promise<void> {
      await database.run(
        (sql) => sql`
          update channels set disabled_reason = ${reason},
            disabled_at = coalesce(${clock()}::timestamptz, clock_timestamp())
          where name = ${name} and disabled_at is null`,
        { idempotent, name: 'switching the channel off' },
      )
    },

    async enable(name: string): Promise<void> {
      await database.run(
        (
          sql,
        ) => sql`update channels set disabled_at = null, disabled_reason = null, last_error = null, last_error_at = null
            where name = ${name}`,
        { idempotent, name: 'switching the channel on' },
      )
    },

    /** As `removeUnused`. */
    remove: (name: string): Promise<Removal> =>
      database.run((sql) => removeUnused(sql, name), { name: 'removing the channel' }),
  }
}

export type Removal = { isRemoved: boolean; users: { id: string; name: string }[] }

/**
 * Removes it unless a job names it, in an object or (as `channelNameOf` reads it) in a text; `users` are those that do, ten at most. One statement: a job that is saved at the
 * same time may be left without the channel, which its deliveries then say.
 */
export async function removeUnused(sql: Sql, stored: string): Promise<Removal> {
  const name = shortName(stored)
  const [row]: Row[] = await sql`
    with users as (
      select id, name from jobs
      where project = (select project from channels where name = ${stored}) and (
        deliver @> ${sql.json({ channel: name })}::jsonb or deliver @> ${sql.json([{ channel: name }])}::jsonb
        or exists (
          select from jsonb_array_elements(case jsonb_typeof(deliver) when 'array' then deliver else jsonb_build_array(deliver) end) e,
            string_to_table(e #>> '{}', ',') as text
          where jsonb_typeof(e) = 'string'
            and left(regexp_replace(lower(btrim(text)), '[^a-z0-9_-]', '-', 'g'), 63) = ${name}
        ))
      order by created_at, id limit ${mostUsers}
    ),
    gone as (delete from channels where name = ${stored} and not exists (select from users) returning name)
    select exists (select from gone) as removed,
      coalesce((select jsonb_agg(jsonb_build_object('id', id, 'name', name)) from users), '[]') as users`
  const users = (row?.['users'] ?? []) as Removal['users']
  return { isRemoved: row?.['removed'] === true, users }
}

function readChannel(row: Row): StoredChannel {
  return {
    name: row['name'] as string,
    type: row['type'] as string,
    sealed: row['sealed'] as string,
    defaultOn: row['default_on'] as string[] | null,
    disabledAt: maybeDate(row['disabled_at']),
    disabledReason: row['disabled_reason'] as string | null,
    lastError: row['last_error'] as string | null,
    lastErrorAt: maybeDate(row['last_error_at']),
    createdAt: date(row['created_at']),
    updatedAt: date(row['updated_at']),
  }
}
