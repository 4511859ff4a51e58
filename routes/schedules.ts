import { ruleOf } from '../db/index.ts'
import { isoDay } from '../src/ground/instant.ts'
import {
  explain,
  nextWithTransitions,
  readNamedZone,
  readSchedule,
  textOfSchedule,
} from '../src/schedule/index.ts'
import type { On } from './api.ts'
import { cursorFor, readCursor } from './cursor.ts'
import { instantIn, instantNear } from './instant.ts'
import { lookAt } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'
import { armBody, parsedScheduleBody, upcomingBody } from './shapes.ts'

const usualCount = 5
const dayMs = 86_400_000

export function scheduleRoutes(on: On, needs: RouteNeeds): void {
  on('GET /api/jobs/{id}/next', async ({ params, query }) => {
    const { authored, view } = await lookAt(needs, params.id)
    const left = authored.repeatTimes === null ? Infinity : authored.repeatTimes - view.runtime.slotsUsed
    const count = Math.max(0, Math.min(query.count ?? usualCount, left))
    const after = instantIn(query.from) ?? view.now
    const slots = await nextWithTransitions(ruleOf(authored), { after, count })
    return { job_id: authored.id, timezone: authored.timezone, ...upcomingBody(slots) }
  })

  on('GET /api/jobs/{id}/arm', async ({ params }) => {
    const look = await lookAt(needs, params.id)
    const lists = await needs.lists()
    return armBody(look, await lists.arms(params.id), needs)
  })

  on('GET /api/jobs/{id}/slots', async ({ params, query }) => {
    const to = instantIn(query.to) ?? instantNear(Infinity)
    const from = instantIn(query.from) ?? instantNear(Math.min(to.getTime(), needs.now().getTime()) - dayMs)
    const after = readCursor('slots', query.cursor)
    const begin = after === null ? from : instantNear(Math.max(from.getTime(), after + 1))
    const span = { from: begin, to, limit: query.limit ?? 1000 }
    const { items, next, days } = await needs.ledger(params.id, span)
    return {
      next_cursor: cursorFor('slots', next),
      slots: items.map(({ slot, verdict, reason, runId }) => ({
        slot: slot.toISOString(),
        verdict,
        reason,
        run_id: runId,
      })),
      days: days.map(({ day, verdicts }) => ({ day: isoDay(day), ...verdicts })),
    }
  })

  on('POST /api/schedules/preview', async ({ body }) => {
    const now = instantIn(body.from) ?? needs.now()
    const { timezone: named = null } = body
    const given = await textOfSchedule(body.schedule, now)
    const { text, zone } = readNamedZone(given, { named, usual: needs.config.timezone })
    const schedule = await readSchedule(text, { now, zone })
    const slots = await nextWithTransitions(
      { schedule, zone, anchor: now },
      // a first slot that is named may be this very instant
      {
        after: ['once', 'calendar'].includes(schedule.kind) ? new Date(now.getTime() - 1) : now,
        count: body.count ?? usualCount,
      },
    )
    return {
      schedule: parsedScheduleBody(schedule),
      timezone: zone,
      description: explain(schedule, zone),
      ...upcomingBody(slots),
    }
  })
}
