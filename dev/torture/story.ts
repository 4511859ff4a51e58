import type { DetailedLog } from '../../src/ground/log.ts'
import type { World } from './world.ts'

/** What processes said, and what is left in the tables: for a person who looks into a repetition that went wrong. */
export type Story = { log: DetailedLog; tell(world: World, labels: string[]): Promise<string[]> }

export function createStory(now: () => Date): Story {
  const lines: string[] = []
  const say = (level: string) => (fields: object, message: string) => {
    const error = 'err' in fields ? ` ${String(fields.err)}` : ''
    lines.push(`${now().toISOString()} ${level} ${message}${error} ${JSON.stringify(fields)}`)
  }
  return {
    log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    async tell({ database, outside }, labels) {
      const { sql } = database
      const runs =
        await sql`select slot, state, fence, attempt, attempts, reason, lease_until, attempt_due_at from runs order by seq`
      const jobs = await sql`select * from job_runtime`
      const folds = await sql`select first_slot, last_slot, verdict, reason from folded_slots order by id`
      const rows = [...runs, ...folds, ...jobs].map((row) => JSON.stringify(row))
      const calls = outside.story().map((entry) => JSON.stringify(entry))
      return [labels.map((label, index) => `${index + 1} ${label}`).join('  '), ...lines, ...calls, ...rows]
    },
  }
}
