import assert from 'node:assert/strict'
import type postgres from 'postgres'
import { formsOf } from '../../src/redact/forms.ts'

/** Where any form of the value stands, or a piece of it of twelve characters. */
export function leaks(value: string, haystack: string): string[] {
  const pieces = value
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('-----'))
    .flatMap(piecesOf)
  const forms = formsOf(value)
    .map(String)
    .filter((form) => !form.includes('BEGIN KEY') && !form.includes('END KEY'))
  const found = [...pieces, ...forms].filter((form) => haystack.includes(form))
  return found.slice(0, 1).map((form) => {
    const at = haystack.indexOf(form)
    return haystack.slice(Math.max(0, at - 150), at + form.length + 50)
  })
}

function piecesOf(line: string): string[] {
  return Array.from({ length: Math.max(0, line.length - 11) }, (_, at) => line.slice(at, at + 12))
}

/** Every row of every table, as text; what is kept as bytes as hex and as text. */
export async function dump(sql: postgres.Sql): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`
  assert.ok(tables.length > 10)
  const pieces: string[] = []
  for (const { name } of tables) {
    const rows = await sql<{ row: string }[]>`select to_jsonb(t)::text as row from ${sql(name)} t`
    for (const { row } of rows) {
      const bytes = [...row.matchAll(/"\\\\x([0-9a-f]*)"/g)].map(([, hex = '']) =>
        Buffer.from(hex, 'hex').toString(),
      )
      pieces.push(row, ...bytes, ...textsIn(JSON.parse(row)))
    }
  }
  return pieces.join('\n')
}

/** Every text within a JSON value, as it is meant: without escapes. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
