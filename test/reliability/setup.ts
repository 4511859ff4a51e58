import { after, type TestContext } from 'node:test'
import { startWitness, type Witness } from '../../dev/torture/effects.ts'
import { checkAsleep } from '../../dev/torture/invariants.ts'
import { startsAt } from '../../dev/torture/scenarios.ts'
import { createWorld, emptyDatabase, type World, type WorldOptions } from '../../dev/torture/world.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

export { at, startsAt } from '../../dev/torture/scenarios.ts'

/** One database and one target for a test file, gone at its end. */
export async function stage(): Promise<{ database: TestDatabase; witness: Witness }> {
  const database = await createTestDatabase()
  const witness = await startWitness()
  after(async () => {
    await witness.close()
    await database.drop()
  })
  return { database, witness }
}

export type Setting = {
  world: World
  witness: Witness
  /** A job that calls the target, as a client makes it; its id. */
  make(fields: Record<string, unknown> & { schedule: string }): Promise<string>
}

/** A world in an empty database, whose clock stands at 12:00:30. What is unsafe while no process is up fails the test. */
export async function set(
  t: TestContext,
  { database, witness }: Awaited<ReturnType<typeof stage>>,
  options: Partial<WorldOptions> = {},
): Promise<Setting> {
  await emptyDatabase(database)
  const world = await createWorld({
    ...{ database, target: witness.target, start: startsAt, onAsleep: checkAsleep },
    ...options,
  })
  witness.begin(world.now)
  t.after(async () => {
    await world.close()
    if (world.problems.length > 0) throw new Error(world.problems.join('\n'))
  })
  return {
    world,
    witness,
    async make({ action = {}, ...fields }) {
      const id = await world.client.create({
        ...fields,
        action: { type: 'http', url: `${world.target.url}/hook`, ...(action as object) },
      })
      if (id === null) throw new Error('the job was not made')
      return id
    },
  }
}

/** The runs of a job, oldest first, as the tables have them. */
export async function historyOf({ database }: World, id: string): Promise<Run[]> {
  return database.sql<Run[]>`
    select slot, state, attempt, lease_until from runs where job_id = ${id} order by slot nulls first, seq`
}

export type Run = { slot: Date | null; state: string; attempt: number; lease_until: Date | null }

/** Slot (time of day), state and attempts of each run. */
export function mostOf(runs: Run[]): [string | null, string, number][] {
  return runs.map(({ slot, state, attempt }) => [slot?.toISOString().slice(11, 19) ?? null, state, attempt])
}
