import { show, table } from './numbers.ts'
import { idleExitMs, takeWakes } from './wakes.ts'
import type { World } from './world.ts'

const day = 86_400

/** 6. What a day of a realistic mix costs in seconds awake. */
export async function bill(world: World): Promise<string> {
  const wakes = await takeWakes(world)
  const beyondIdleS = (wakes.awakeMs / wakes.starts - idleExitMs) / 1000
  const idles = [1, 5, 30]
  const mixes = [
    { name: '1 a minute, 10 hourly, 20 daily, 2 weekly', at: mix({ minutely: true }) },
    { name: '10 hourly, 20 daily, 2 weekly', at: mix({ minutely: false }) },
    { name: '20 daily, 2 weekly', at: mix({ minutely: false, hourly: false }) },
  ]
  const rows = mixes.flatMap(({ name, at }) =>
    idles.map((idleS) => {
      const { awakeS, starts } = dayOf(at, beyondIdleS, idleS)
      return [
        name,
        `${idleS} s`,
        show(at.length),
        show(starts),
        show(awakeS),
        `${show((awakeS / day) * 100)} %`,
      ]
    }),
  )
  return [
    `Measured on local Fly over ${show(wakes.seconds)} s in which a minute takes 4 s (real PostgreSQL, real local NAS, machine off between the fires): ${wakes.starts} starts, ${wakes.fires} fires, ${show(beyondIdleS)} s awake per wake beyond the idle wait, ${show(wakes.statements / wakes.fires)} statements and ${show(wakes.nasCalls / wakes.fires)} NAS calls per fire (boot, reconcile and exit record included). A day follows from that and from the instants of the jobs: a fire that comes while the machine is up starts none and lets it stay for the idle wait again. Anything that polls is awake ${day.toLocaleString('en-US')} s a day.`,
    '',
    table(['a day of', '`IDLE_EXIT_MS`', 'fires', 'starts', 'seconds awake', 'of what polls'], rows),
  ].join('\n')
}

/** Seconds of a day at which something is due. Hourly and daily jobs begin at minutes of their own, as people choose them. */
function mix({ minutely, hourly = true }: { minutely: boolean; hourly?: boolean }): number[] {
  const at: number[] = []
  if (minutely) for (let s = 0; s < day; s += 60) at.push(s)
  if (hourly) for (let job = 0; job < 10; job++) for (let s = (job % 4) * 900; s < day; s += 3600) at.push(s)
  for (let job = 0; job < 20; job++) at.push(((6 + job * 0.75) * 3600) % day)
  return at.toSorted((a, b) => a - b)
}

function dayOf(at: number[], beyondIdleS: number, idleS: number): { awakeS: number; starts: number } {
  let [awakeS, starts, until] = [0, 0, Number.NEGATIVE_INFINITY]
  for (const s of at) {
    const end = s + beyondIdleS + idleS
    if (s >= until) {
      starts += 1
      awakeS += end - s
    } else awakeS += Math.max(0, end - until)
    until = Math.max(until, end)
  }
  return { awakeS, starts }
}
