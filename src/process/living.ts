import type { Costs } from '../../db/index.ts'

type Day = Costs['days'][number]

const dayMs = 86_400_000
const nothing = {
  ...{ runs: 0, attempts: 0, busyMs: 0, tokens: { input: 0, output: 0 }, costUsd: 0 },
  ...{ awakeMs: 0, starts: 0, fires: 0 },
}

/** Adds this process, which is up since then: its days are written when it goes. */
export function withLiving(
  { days, now, awakeSince, ...costs }: Costs,
  life: { since: Date; fires: number },
): Costs {
  const byDay = new Map(days.map((day) => [day.day.getTime(), day]))
  const first = Math.floor(life.since.getTime() / dayMs) * dayMs
  for (let at = first; at <= now.getTime(); at += dayMs) {
    const day: Day = byDay.get(at) ?? { ...nothing, day: new Date(at) }
    const isLast = at + dayMs > now.getTime()
    byDay.set(at, {
      ...day,
      awakeMs: day.awakeMs + Math.min(at + dayMs, now.getTime()) - Math.max(at, life.since.getTime()),
      starts: day.starts + Number(at === first),
      fires: day.fires + (isLast ? life.fires : 0),
    })
  }
  const sorted = [...byDay.values()].toSorted((a, b) => a.day.getTime() - b.day.getTime())
  return {
    ...costs,
    now,
    days: sorted,
    awakeSince: awakeSince && awakeSince < life.since ? awakeSince : life.since,
  }
}
