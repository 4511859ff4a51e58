import { type Scenario, scenarios } from './scenarios.ts'
import { timers, type TorturedTimer } from './timers/index.ts'
import { worldOf } from './timers/manners.ts'

/** `deaths`: processes may die as well without a loss. */
type MannerScenario = Scenario & { deaths: boolean }

/** A timer as it may misbehave, each way against a scenario that it could hurt. */
export function mannerScenariosOf({ manners, withoutDeaths, world: usual }: TorturedTimer): MannerScenario[] {
  return manners.map(([text, name]) => {
    const scenario = scenarios.find((one) => one.name === name)
    if (!scenario) throw new Error(`"${name}" is no scenario`)
    const special = worldOf[text]
    return {
      ...scenario,
      name: `${name} × ${text}`,
      deaths: !withoutDeaths.includes(text),
      world: { ...scenario.world, ...usual, ...special },
      async prepare(world, job) {
        await scenario.prepare?.(world, job)
        if (!special) await world.outside.misbehave(text)
      },
    }
  })
}

/** Those of the local NAS. */
export const mannerScenarios = mannerScenariosOf(timers['nas'] as TorturedTimer)
