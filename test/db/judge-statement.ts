import type postgres from 'postgres'
import { spreadTables } from '../../dev/postgres/divide.ts'
import type { Sent } from './wire.ts'

/** What an engine that spreads the tables by job_id would say of a statement. */
export type Verdict = {
  text: string
  /** Tables of which it looks at more than one part, by its plan for these parameters. */
  spread: string[]
  /** Tables that it changes in more than one place. */
  twice: string[]
  /** It takes the clock of an instant in an update. */
  isVolatile: boolean
}

/** On a database that is divided (dev/postgres/divide.ts). The statement is planned, and not carried out. */
export async function judgeStatement(sql: postgres.Sql, { text, parameters }: Sent): Promise<Verdict> {
  const values = parameters.map((value) => (value === null ? 'null' : `'${value.replaceAll("'", "''")}'`))
  const plan = await sql.begin(async (tx) => {
    await tx.unsafe(
      'set local plan_cache_mode = force_custom_plan; set local standard_conforming_strings = on',
    )
    await tx.unsafe(`prepare judged as ${text}`)
    const given = values.length > 0 ? `(${values.join(', ')})` : ''
    const rows = await tx.unsafe(`explain (format json, costs off) execute judged${given}`)
    await tx.unsafe('deallocate judged')
    return JSON.stringify(rows[0]?.['QUERY PLAN'])
  })
  const partsOf = (table: string) => new Set(plan.match(new RegExp(`"${table}_p\\d+"`, 'g')) ?? []).size
  const changed = changedIn(text)
  return {
    text: text.replace(/\s+/g, ' ').trim(),
    spread: spreadTables.filter((table) => partsOf(table) > 1),
    twice: [...new Set(changed.filter((table, n) => changed.indexOf(table) !== n))],
    isVolatile: /(?<!do )\bupdate\s+\w+ (\w+ )?set\b/.test(text) && text.includes('clock_timestamp()'),
  }
}

/** The tables after each `insert into`, `update` and `delete from`. */
function changedIn(text: string): string[] {
  const found = text.matchAll(/\b(?:insert into|delete from|(?<!do )(?<!for )(?<!key )update)\s+(\w+)/g)
  return [...found].map(([, table]) => table as string)
}
