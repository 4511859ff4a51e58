import { keyTaken, ruleOf } from '../db/index.ts'
import type { JobInput, Switch } from '../src/jobs/input.ts'
import { explain, nextWithTransitions } from '../src/schedule/index.ts'
import { documentOf } from './document.ts'
import type { RouteNeeds } from './needs.ts'
import { upcomingBody } from './shapes.ts'
import { warningsOf } from './warnings.ts'

const count = 5

/**
 * What would be made of a new job, after all the checks that it would go through; nothing is written.
 *
 * @throws AppError what `Jobs.create` throws
 */
export async function answerDraft(
  needs: RouteNeeds,
  { job, wish, project }: { job: JobInput; wish: Switch | null; project: string },
  more: object,
) {
  if (job.key !== null && (await (await needs.declared(project)).byKey(job.key))) throw keyTaken(job.key)
  const made = await needs.jobs.draft(job, wish, project)
  const rule = ruleOf({ ...made, version: 1 })
  const slots = await nextWithTransitions(rule, { after: made.anchor, count })
  const warnings = warningsOf(made, await (await needs.lists()).channels(), needs.config.prompt)
  return {
    valid: true,
    job: {
      ...(job.key !== null && { key: job.key }),
      ...documentOf(job, wish && !wish.isOn),
    },
    timezone: made.timezone,
    description: explain(rule.schedule, rule.zone),
    upcoming: upcomingBody(slots).upcoming,
    ...(warnings.length > 0 && { warnings }),
    ...more,
  }
}
