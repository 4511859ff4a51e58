import type { On } from './api.ts'
import { instantNear } from './instant.ts'
import { lookAt, showingTo } from './jobs.ts'
import type { RouteNeeds } from './needs.ts'
import { armBody, fromLook, jobBody, runBody } from './shapes.ts'
import { storyOf } from './story.ts'

const slotsShown = 5
const runsRead = 20
/** Slots are read oldest first, so the span grows until it has enough of them: 1,000 are the most in each. */
const spansMs = [10 * 60_000, 86_400_000, 7 * 86_400_000]

export function whyRoutes(on: On, needs: RouteNeeds): void {
  on('GET /api/jobs/{id}/why', async ({ params: { id } }, request) => {
    const look = await lookAt(needs, id)
    const lists = await needs.lists()
    const everyRun = { project: null, jobId: id, states: [], tag: null, since: null, until: null }
    const [surroundings, channels, arms, slots, { items: runs }, [project]] = await Promise.all([
      lists.surroundings(id),
      lists.channels(),
      lists.arms(id),
      lastSlots(id),
      lists.runs(everyRun, { after: null, limit: runsRead }),
      needs.projects.list(look.authored.project),
    ])
    const story = storyOf({
      pause: project?.pause ?? null,
      job: jobBody(fromLook(look, surroundings), showingTo(request, needs, channels)),
      arm: armBody(look, arms, needs),
      ...{ slots, runs: runs.map(runBody), now: look.view.now.getTime() },
    })
    return { job_id: id, story }
  })

  async function lastSlots(id: string) {
    const to = instantNear(Infinity)
    let found: Awaited<ReturnType<typeof needs.ledger>>['items'] = []
    for (const ms of spansMs) {
      const from = instantNear(needs.now().getTime() - ms)
      const ledger = await needs.ledger(id, { from, to, limit: 1_000 })
      found = ledger.items
      if (found.length >= slotsShown) break
    }
    return found.slice(-slotsShown)
  }
}
