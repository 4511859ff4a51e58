import { createProjectStore } from '../../db/index.ts'
import { defaultProject } from '../../src/ground/project.ts'
import { paths } from './effects.ts'
import { at, type JobMaker, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** Longer than a minute: the second run has its minute, and still no place. */
const holdMs = 90_000
const slot = 10

/** Two jobs of one slot, in a project that begins one run a minute and makes one attempt at a time. */
export const quotaScenarios: Scenario[] = [
  {
    name: 'quotas of a project',
    async prepare(world, job) {
      const projects = createProjectStore(world.database.db, world.now)
      await projects.put(defaultProject, { runsPerMinute: 1, places: 1 })
      await world.client.create({
        schedule: `${slot} * * * *`,
        action: { type: 'http', url: `${world.target.url}${paths.called}`, hold_ms: holdMs },
      })
      await job.make({ schedule: `${slot} * * * *`, action: { hold_ms: holdMs } })
    },
    async play(world, job) {
      job.due(slot)
      // each instant is one at which a run may have begun beside another
      for (const minute of [11, 12, 13, 14]) {
        await world.until(at(minute, 5))
        await checkPlaces(world)
      }
      await world.until(at(16))
    },
    finish: checkRuns,
  },
]

/** Attempts that one process makes: those of one that died are nothing but rows. */
async function checkPlaces(world: World) {
  const rows = await world.database.sql<{ owner: string; count: number }[]>`
    select owner, count(*)::int as count from runs where state = 'running' group by owner having count(*) > 1`
  for (const { owner, count } of rows)
    world.problems.push(
      `${owner} makes ${count} attempts at ${world.now().toISOString()}, and the project has one place`,
    )
}

/** The runs of a death are counted: nothing is given back for them, so no minute has two. */
async function checkRuns(world: World, job: JobMaker) {
  const { sql } = world.database
  const crowded = await sql<{ minute: Date; count: number }[]>`
    select date_trunc('minute', claimed_at) as minute, count(*)::int as count from runs group by minute having count(*) > 1`
  for (const { minute, count } of crowded)
    world.problems.push(
      `${count} runs began in the minute of ${minute.toISOString()}, and the project has one`,
    )
  const [other] = await sql`select from runs where job_id <> ${job.id()} and slot = ${at(slot)}`
  if (!other) world.problems.push('the slot of the other job has no run')
}
