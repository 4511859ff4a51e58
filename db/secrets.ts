import { shortName } from '../src/ground/project.ts'
import type { Database } from './client.ts'
import { writeFact } from './facts.ts'
import { date, type Row } from './columns.ts'
import { type Page, type PageWish, readPage } from './pages.ts'

/** A secret as people may see it, under its name of all projects (`nameIn`): without its value. `keyId`: of the encryption key that it is sealed with. */
export type StoredSecret = { name: string; version: number; keyId: string; createdAt: Date; updatedAt: Date }

/** A column with sealed texts, and the one that tells whose they are. Both are names of ours, never from outside. */
export type SealedPlace = { table: string; owner: string; column: string }
export type SealedText = { owner: string; sealed: string }

export type SecretStore = ReturnType<typeof createSecretStore>

const knownValueFact = 'known_value'

/** More jobs that mention a secret are not named. */
const mostUsers = 10

/** Sealed values only. `clock`, if given, stands in for Postgres' own. */
export function createSecretStore(database: Database, clock: () => Date | null = () => null) {
  const idempotent = true
  return {
    /** The sealed values of those that exist. */
    async find(names: readonly string[]): Promise<{ name: string; sealed: string }[]> {
      const rows: Row[] = await database.run(
        (sql) => sql`
          select name, sealed from secrets
          where name in (select jsonb_array_elements_text(${sql.json([...names])}))`,
        { idempotent, name: 'reading the secrets' },
      )
      return rows.map((row) => ({ name: row['name'] as string, sealed: row['sealed'] as string }))
    },

    /** By name. */
    async list(project: string, wish: PageWish<string>): Promise<Page<StoredSecret, string>> {
      const read = async ({ after, limit }: PageWish<string>) => {
        const rows: Row[] = await database.run(
          (sql) => sql`
            select name, version, split_part(sealed, '.', 2) as key_id, created_at, updated_at from secrets
            where project = ${project} and (${after}::text is null or name > ${after}::text)
            order by name limit ${limit}`,
          { idempotent, name: 'listing the secrets' },
        )
        return rows.map(readSecret)
      }
      return readPage(wish, read, ({ name }) => name)
    },

    /** Makes or replaces it; each replacement has the next version, also where two come at once. */
    async put(name: string, sealed: string): Promise<StoredSecret> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          insert into secrets as s (name, sealed, created_at, updated_at)
          select ${name}, ${sealed}, now, now
          from (select coalesce(${clock()}::timestamptz, clock_timestamp()) as now) c
          on conflict on constraint secrets_pkey do update set
            sealed = excluded.sealed, version = s.version + 1, updated_at = excluded.updated_at
          returning name, version, split_part(sealed, '.', 2) as key_id, created_at, updated_at`,
        { name: 'storing the secret' },
      )
      if (!row) throw new Error('an upsert of a secret returned no row')
      return readSecret(row)
    },

    /**
     * Removes it unless a job mentions it; `users` are those that do, ten at most. One statement: a job that is saved at
     * the same time may be left without the secret, which its runs then say.
     */
    async remove(stored: string): Promise<{ isRemoved: boolean; users: { id: string; name: string }[] }> {
      const mention = `\\{\\{[^{}]*secrets\\.${shortName(stored)}(?![A-Za-z0-9_])`
      const [row]: Row[] = await database.run(
        (sql) => sql`
          with users as (
            select id, name from jobs
            where project = (select project from secrets where name = ${stored})
              and (action::text ~ ${mention} or coalesce(prompt, '') ~ ${mention} or coalesce(deliver::text, '') ~ ${mention})
            order by created_at, id limit ${mostUsers}
          ),
          gone as (delete from secrets where name = ${stored} and not exists (select from users) returning name)
          select exists (select from gone) as removed,
            coalesce((select jsonb_agg(jsonb_build_object('id', id, 'name', name)) from users), '[]') as users`,
        { name: 'removing the secret' },
      )
      return {
        isRemoved: row?.['removed'] === true,
        users: (row?.['users'] ?? []) as { id: string; name: string }[],
      }
    },

    /**
     * The known value that this database keeps, after `sealed` was put there if there was none. `isForeign`: there is none,
     * and all that is sealed here was sealed with keys other than `keyIds`; nothing is put there then.
     */
    async knownValue(
      sealed: string,
      keyIds: readonly string[],
    ): Promise<{ sealed: string | null; isForeign: boolean }> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          with ours as (select jsonb_array_elements_text(${sql.json([...keyIds])}) as id),
          used as (
            select split_part(sealed, '.', 2) as id from secrets
            union select split_part(sealed, '.', 2) from channels
            union select split_part(refresh_sealed, '.', 2) from nas_login),
          verdict as (
            select exists (select from used) and not exists (select from used join ours using (id)) as is_foreign),
          made as (
            insert into facts (name, value, updated_at)
            select ${knownValueFact}::text, to_jsonb(${sealed}::text), coalesce(${clock()}::timestamptz, clock_timestamp())
            from verdict where not is_foreign
            on conflict on constraint facts_pkey do nothing
            returning value)
          select is_foreign, coalesce((select value from facts where name = ${knownValueFact}), (select value from made)) as value
          from verdict`,
        { idempotent: true, name: 'reading the known value' },
      )
      const value = row?.['value'] ?? null
      // null also if another process puts it there in this very moment: that one has the answer at the next boot
      return { sealed: value as string | null, isForeign: value === null && row?.['is_foreign'] === true }
    },

    async putKnownValue(sealed: string): Promise<void> {
      await database.run((sql) => writeFact(sql, knownValueFact, sealed, clock()), {
        idempotent: true,
        name: 'sealing the known value',
      })
    },

    /** Texts that another key than `keyId` sealed, by their owners, from after `after` on. */
    async sealedOtherwise(
      place: SealedPlace,
      keyId: string,
      after: string,
      limit: number,
    ): Promise<SealedText[]> {
      const rows: Row[] = await database.run(
        (sql) => sql`
          select ${sql(place.owner)} as owner, ${sql(place.column)} as sealed from ${sql(place.table)}
          where split_part(${sql(place.column)}, '.', 2) <> ${keyId} and ${sql(place.owner)} > ${after}
          order by ${sql(place.owner)} limit ${limit}`,
        { idempotent, name: 'reading what is sealed' },
      )
      return rows.map((row) => ({ owner: row['owner'] as string, sealed: row['sealed'] as string }))
    },

    /** Replaces `former` by `sealed`; false: another value is there by now, and stays. */
    async reseal(place: SealedPlace, former: SealedText, sealed: string): Promise<boolean> {
      const rows = await database.run(
        (sql) => sql`
          update ${sql(place.table)} set ${sql(place.column)} = ${sealed}
          where ${sql(place.owner)} = ${former.owner} and ${sql(place.column)} = ${former.sealed}
          returning 1`,
        { idempotent, name: 'sealing again' },
      )
      return rows.length > 0
    },
  }
}

function readSecret(row: Row): StoredSecret {
  return {
    name: row['name'] as string,
    version: row['version'] as number,
    keyId: row['key_id'] as string,
    createdAt: date(row['created_at']),
    updatedAt: date(row['updated_at']),
  }
}
