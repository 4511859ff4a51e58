import { allProjects, defaultProject } from '../../src/ground/project.ts'
import { AppError } from '../../src/ground/errors.ts'
import type { Clock } from './clock.ts'
import type { Machines, Served } from './machines.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'

type PauserNeeds = {
  clock: Clock
  random: Random
  trace: Trace
  machines: Machines
  faultsEnd: number
  broken: (rule: string, jobId: string, message: string) => void
  resumed: (jobIds: string[]) => void
}

const minute = 60_000
const second = 1_000
/** As a program that has to know does: it asks until it is told. */
const mostTries = 200
const tryAgainMs = 20 * second

/**
 * A person with an incident: pauses the project, or everything, at any instant and resumes it, beside all that happens. In some
 * worlds the project has a quota. Drawn from numbers of its own, so that worlds without it stay as they are.
 */
export function createPauser({ clock, random, trace, machines, faultsEnd, broken, resumed }: PauserNeeds) {
  const everyMs = random.pick([0, 0, 3 * minute, 15 * minute])
  const lastsMs = random.pick([20 * second, 2 * minute, 15 * minute])
  const quotas = random.chance(0.2)
    ? { runsPerMinute: random.pick([1, 3, 20]), places: random.pick([null, 1, 3]) }
    : null
  let pauses = 0
  let resumes = 0

  function act(name: string, work: (projects: Served['projects']) => Promise<() => void>) {
    ask(mostTries)

    function ask(tries: number) {
      const again = () => void (tries > 0 && clock.after(tryAgainMs, () => ask(tries - 1)))
      machines.route({
        failed: again,
        async handle({ projects, isDraining }, process) {
          if (isDraining()) return again
          trace(process.name, `is asked to ${name}`)
          try {
            const told = await work(projects)
            return () => {
              trace('client', `is told that it did ${name}`)
              told()
            }
          } catch (error) {
            if (!(error instanceof AppError))
              broken('nothing breaks on our side', '', `${name}: ${(error as Error).stack}`)
            return again
          }
        },
      })
    }
  }

  const by = { by: 'API_KEY', reason: 'an incident' }
  const pause = (name: string) =>
    act(`pause project ${name}`, async (projects) => {
      await projects.pause(name, by)
      return () => void (pauses += 1)
    })
  /** What was made due by a request whose answer was lost, or was that not all is armed, is promised by the one that is answered 2xx. */
  function resume(name: string) {
    const promised = new Set<string>()
    act(`resume project ${name}`, async (projects) => {
      const nth = ++resumes
      const { armed, due } = await projects.resume(name)
      for (const jobId of due) promised.add(jobId)
      if (!armed) throw new AppError('NOT_ARMED', 'not each wake-up is confirmed')
      // one that came later may have made the same jobs due, and promises them itself
      return () => void (nth === resumes && resumed([...promised]))
    })
  }

  function next() {
    clock.after(random.between(1, 2 * everyMs), () => {
      if (clock.now() >= faultsEnd) return
      const name = random.pick([allProjects, defaultProject])
      pause(name)
      // two that race, now and then
      if (random.chance(0.2)) pause(random.pick([allProjects, defaultProject]))
      clock.after(random.between(1, 2 * lastsMs), () => resume(name))
      next()
    })
  }

  return {
    start() {
      if (quotas)
        act('set quotas', async (projects) => (await projects.put(defaultProject, quotas), () => {}))
      if (everyMs === 0) return
      next()
      // whatever was paused last is resumed for the judgement
      for (const name of [allProjects, defaultProject])
        clock.after(faultsEnd - clock.now() + 3 * minute, () => resume(name))
    },
    pauses: () => pauses,
  }
}
