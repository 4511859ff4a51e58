import { show, table } from './numbers.ts'
import { exitSettings, takeWakes, type Wakes } from './wakes.ts'
import type { World } from './world.ts'

const dayS = 86_400
/** The day of the weekly jobs: all kinds of job fire on it. Ahead of any real clock here, as all of this. */
export const monday = new Date('2030-01-07T00:00:00Z')

const hourly = Array.from({ length: 10 }, (_, job) => `${(job % 4) * 15} * * * *`)
/** Every 45 minutes from six in the morning. */
const daily = Array.from({ length: 20 }, (_, job) => {
  const minute = (6 * 60 + job * 45) % 1440
  return `${minute % 60} ${Math.floor(minute / 60)} * * *`
})
const weekly = ['40 6 * * 1', '10 7 * * 1']

type Mix = { name: string; schedules: string[]; fires: number; starts: number }
const all: Mix = {
  name: '1 a minute, 10 hourly, 20 daily, 2 weekly',
  schedules: ['* * * * *', ...hourly, ...daily, ...weekly],
  ...{ fires: 1440 + 240 + 20 + 2, starts: 1440 },
}
const few: Mix = {
  name: '10 hourly, 20 daily, 2 weekly',
  schedules: [...hourly, ...daily, ...weekly],
  ...{ fires: 240 + 20 + 2, starts: 96 + 2 },
}

/** 6. What a day of a realistic mix costs in seconds awake. */
export async function bill(world: World): Promise<string> {
  const { IDLE_EXIT_MS: idleMs } = await exitSettings()
  const sixHours = 6 * 3_600_000
  const morning = await takeWakes(world, {
    schedules: all.schedules,
    from: new Date(monday.getTime() + sixHours),
    hours: 2,
  })
  const whole = await takeWakes(world, { schedules: few.schedules, from: monday, hours: 24 })
  if (whole.starts !== few.starts || whole.fires !== few.fires)
    throw new Error(
      `${whole.starts} starts, ${whole.fires} fires; expected ${few.starts} and ${few.fires} on that day`,
    )
  const days = [
    { mix: all, wakes: morning },
    { mix: few, wakes: whole },
  ]
  return [
    `A Monday on local Fly, with the shipped program in real processes, real PostgreSQL, the local NAS (in the benchmark's process, which sets its time), and jobs that call a target. The second mix is taken for the whole day (${seconds(whole)}), the first from 6:00 to 8:00, in which every kind of job fires (${seconds(morning)}). Time leaps from the exit of a machine to the next fire. Boot, fire, run, arm, reconcile, the idle wait of fly.toml (\`IDLE_EXIT_MS\` is ${Number(idleMs) / 1000} s) and exit take the time they take, and count as that. Statements and calls: all of them, those of boots and exits included.`,
    '',
    table(
      ['taken', 'hours', 'fires', 'starts', 'awake, s a wake', 'statements per fire', 'NAS calls per fire'],
      days.map(({ mix, wakes }) => [
        mix.name,
        show(wakes.hours),
        show(wakes.fires),
        show(wakes.starts),
        show(wakes.awakeMs / wakes.starts / 1000),
        show(wakes.statements / wakes.fires),
        show(wakes.nasCalls / wakes.fires),
      ]),
    ),
    '',
    `A day of each: so many wakes of that length. Anything that polls is awake ${dayS.toLocaleString('en-US')} s.`,
    '',
    table(
      ['a day of', 'fires', 'starts', 'seconds awake', 'of what polls'],
      days.map(({ mix, wakes }) => dayRow(mix, wakes)),
    ),
  ].join('\n')
}

function dayRow({ name, fires, starts }: Mix, wakes: Wakes): string[] {
  const awakeS = (starts * wakes.awakeMs) / wakes.starts / 1000
  return [
    name,
    show(fires),
    show(starts),
    show(awakeS),
    `${show((awakeS / dayS) * 100)} % (1 / ${show(dayS / awakeS)})`,
  ]
}

const seconds = ({ realS }: Wakes) => `${show(realS)} s here`
