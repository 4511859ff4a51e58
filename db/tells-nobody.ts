import { type SQL, sql } from 'drizzle-orm'
import { jobs } from './schema.ts'

/** What the statement has to know of a channel. */
type Channel = { project: string; name: string; defaultOn: string[] | null; isOff: boolean }

/** What stands for no channel of its own, in `deliver`. */
const notNames = ['local', 'none', 'origin', '', 'all']
const blanks = String.raw`E' \t\n\r\f\v'`

/**
 * The jobs whose failures no one is told of: what `tellsNobody` (src/decisions/deliver.ts) says of each, in SQL, because a list
 * cannot be read page by page and filtered afterwards. `channels`: of all projects. A test compares the two.
 */
export function tellsNobodyIn(channels: readonly Channel[]): SQL {
  const inUse = channels.filter(({ isOff }) => !isOff)
  const named = inUse.filter(({ name }) => !notNames.includes(name))
  const byDefault = inUse.filter(({ defaultOn }) => defaultOn && hearsOfFailures(defaultOn))
  const byAll = inUse.filter(({ defaultOn }) => !defaultOn || hearsOfFailures(defaultOn))
  const isNamed = (name: SQL) => isOneOf(named.map(pathOf), sql`${jobs.project} || '/' || ${name}`)
  const allHears = isOneOf(byAll.map(projectOf), sql`${jobs.project}`)
  // an object that names a channel counts as it stands, unless a text beside it names the same and there is none
  const ofObject = sql`case
    when jsonb_typeof(e -> 'channel') = 'string' and e ->> 'channel' = 'all' then ${allHears}
    when jsonb_typeof(e -> 'channel') = 'string' then ${hears}
      and not ${isOneOf(notNames, sql`e ->> 'channel'`)}
      and (${isNamed(sql`(e ->> 'channel')`)} or not exists (
        select from ${entries} t, ${namesIn(sql`t`)} where jsonb_typeof(t) = 'string' and name = e ->> 'channel'))
    else not e ? 'channel' and jsonb_typeof(e -> 'type') = 'string' and ${hears} end`
  return sql`case when ${jobs.deliver} is null or jsonb_typeof(${jobs.deliver}) = 'null'
    then not ${isOneOf(byDefault.map(projectOf), sql`${jobs.project}`)}
    else not exists (
      select from ${entries} e where case jsonb_typeof(e)
        when 'string' then exists (
          select from ${namesIn(sql`e`)} where ${isNamed(sql`name`)} or (name = 'all' and ${allHears}))
        when 'object' then ${ofObject}
        else false end) end`
}

const entries = sql`jsonb_array_elements(
  case jsonb_typeof(${jobs.deliver}) when 'array' then ${jobs.deliver} else jsonb_build_array(${jobs.deliver}) end)`

/** As `channelNameOf` reads each name in a text. */
const namesIn = (entry: SQL) => sql`string_to_table(${entry} #>> '{}', ',') part,
  lateral (select left(regexp_replace(lower(btrim(part, ${sql.raw(blanks)})), '[^a-z0-9_-]', '-', 'g'), 63) as name) n`

const hears = sql`(not e ? 'on' or e -> 'on' ?| array['failure', 'always'])`

function isOneOf(values: string[], value: SQL): SQL {
  return sql`(${JSON.stringify([...new Set(values)])}::text::jsonb ? (${value}))`
}

const hearsOfFailures = (on: string[]) => on.includes('failure') || on.includes('always')
const projectOf = ({ project }: Channel) => project
const pathOf = ({ project, name }: Channel) => `${project}/${name}`
