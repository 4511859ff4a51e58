import type { Database, Sql } from './client.ts'
import { date, type Row } from './columns.ts'
import { type Page, type PageWish, readPage } from './pages.ts'

/** A requested change. `target`: the ids in the path; null if it names none. */
export type Intent = {
  actor: string
  action: string
  target: string | null
  /** That of the caller, or of the job that it names; null: the change is none of one project. */
  project: string | null
  requestId: string
  /** Names of the fields that the body has, never their values; null: no body was read. */
  fields: string[] | null
}

/** A field that a change has changed. `of`: of which job, for a file of jobs. Secrets are masked, and long values cut. */
export type ChangedField = { of?: string; field: string; before: unknown; after: unknown }

/** `leftOut`: so many more fields than `fields` were changed. */
export type Changed = { fields: ChangedField[]; leftOut: number }

/**
 * `status`: how it was answered; null: not known (it is under way, or the process did not live to say). `changed` null: nothing is known.
 * Names are those of the time of the entry: of the key that asked, and of the job, the key or the job of the run that is the target.
 */
export type AuditEntry = Intent & {
  id: number
  at: Date
  status: number | null
  changed: Changed | null
  actorName: string | null
  targetName: string | null
}

export type AuditAnswer = { status: number; target: string | null; changed: Changed | null }

export type AuditStore = ReturnType<typeof createAuditStore>

/** The record of every change that was asked for. Rows are added and answered, and never deleted from here. */
export function createAuditStore(database: Database, clock: () => Date | null = () => null) {
  return {
    /**
     * Adds a row; returns its id. `status` null: it is to be written before anything is carried out. Tried twice where
     * it is unknown whether the first try worked: then there may be one row too many without a status, and none is missing.
     */
    async add(intent: Intent & { status: number | null }): Promise<string> {
      const { actor, action, target, project, requestId, fields, status } = intent
      const [row]: Row[] = await database.run(
        (sql) => sql`
          insert into audit (at, actor, action, target, project, status, request_id, detail)
          values (coalesce(${clock()}::timestamptz, clock_timestamp()), ${actor}, ${action}, ${target},
            coalesce(${project}::text, (select project from jobs where id = split_part(${target}::text, '/', 1))), ${status},
            ${requestId}, nullif(jsonb_strip_nulls(jsonb_build_object('fields', ${fields && sql.json(fields)}::jsonb,
              'actor_name', (select name from api_keys where id = ${actor}),
              'target_name', ${nameOf(sql, target, sql`${project}::text`)})), '{}'))
          returning id`,
        { idempotent: true, name: 'writing the audit log' },
      )
      return String(row?.['id'])
    },

    /** `target` adds ids that did not exist before, such as the id of a new job. */
    async answered(id: string, { status, target, changed }: AuditAnswer): Promise<void> {
      await database.run(
        (sql) => sql`
          update audit set status = ${status}, target = coalesce(target, ${target}::text),
            project = coalesce(project, (select project from jobs where audit.target is null and id = ${target}::text)),
            changed = ${changed && sql.json(changed as never)},
            -- of what was made by it
            detail = case when target is null and ${target !== null} then coalesce(detail, '{}')
              || jsonb_strip_nulls(jsonb_build_object('target_name', ${nameOf(sql, target, sql`audit.project`)})) else detail end
          where id = ${id}`,
        { idempotent: true, name: 'completing the audit log' },
      )
    },

    /** Newest first. */
    async list(
      { actor, action, project }: { actor: string | null; action: string | null; project: string | null },
      wish: PageWish,
    ): Promise<Page<AuditEntry>> {
      const read = async ({ after, limit }: PageWish) => {
        const rows: Row[] = await database.run(
          (sql) => sql`
            select id, at, actor, action, target, project, status, request_id, detail, changed from audit
            where ${after === null ? sql`true` : sql`id < ${after}`}
              and ${actor === null ? sql`true` : sql`actor = ${actor}`}
              and ${project === null ? sql`true` : sql`project = ${project}`}
              and ${action === null ? sql`true` : sql`action = ${action}`}
            order by id desc
            limit ${limit}`,
          { idempotent: true, name: 'reading the audit log' },
        )
        return rows.map(readEntry)
      }
      return readPage(wish, read, ({ id }) => id)
    },
  }
}

/** What the first id in `target` is called, unless it is of another project than the one that is seen. */
function nameOf(sql: Sql, target: string | null, project: ReturnType<Sql>) {
  const [id = ''] = target?.split('/') ?? []
  const seen = (of: ReturnType<Sql>) => sql`(${project} is null or ${of} = ${project})`
  if (/^[0-9a-f]{12}$/.test(id))
    return sql`coalesce((select j.name from jobs j where j.id = ${id} and ${seen(sql`j.project`)}),
      (select k.name from api_keys k where k.id = ${id} and ${seen(sql`k.project`)}))`
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    return sql`(select j.name from runs r join jobs j on j.id = r.job_id where r.id = ${id}::uuid and ${seen(sql`j.project`)})`
  return sql`null::text`
}

type Detail = { fields?: string[]; actor_name?: string; target_name?: string }

function readEntry(row: Row): AuditEntry {
  const detail = row['detail'] as Detail | null
  return {
    id: Number(row['id']),
    at: date(row['at']),
    actor: row['actor'] as string,
    action: row['action'] as string,
    target: row['target'] as string | null,
    project: row['project'] as string | null,
    status: row['status'] as number | null,
    requestId: row['request_id'] as string,
    fields: detail?.fields ?? null,
    actorName: detail?.actor_name ?? null,
    targetName: detail?.target_name ?? null,
    changed: row['changed'] as Changed | null,
  }
}
