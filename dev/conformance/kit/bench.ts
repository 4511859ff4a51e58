import type { Databases } from './database.ts'
import { type OwnNas, startLocalNas, startLocalRelay } from './nas.ts'
import { createPortal, type Portal } from './portal.ts'
import { createRandom, type Random } from './random.ts'
import type { Target } from './target.ts'
import { type OwnWorld, type ServiceOptions, startWorld } from './world.ts'

/** Proxies for tests of this kit: each is given an address and answers the one to use in its place. */
export type Between = {
  service?: (url: string) => string | Promise<string>
  portal?: (url: string) => string | Promise<string>
  nas?: (url: string) => string | Promise<string>
}

type WorldOptions = Partial<Pick<ServiceOptions, 'env' | 'identity' | 'becomesReady'>> & {
  /** Settled with the portal before the service starts. */
  before?: (portal: Portal) => void
}

/** What a clause can start for itself, and the numbers it may draw. */
export type Bench = {
  random: (name: string) => Random
  /** A service with its own database and portal; closed after `work`, however that ends. */
  withWorld: <T>(options: WorldOptions, work: (world: OwnWorld) => Promise<T>) => Promise<T>
  withNas: <T>(args: string[], work: (nas: OwnNas) => Promise<T>) => Promise<T>
}

/** The clause needs an option of the local NAS, and another timer service is tried. */
export class OptionMissing extends Error {}

/** Options that make a clause quicker only, or ask for what the relay does anyway. */
const harmless = [
  '--retry-scale 0.3',
  '--rows delivered',
  '--dead-login invalid_grant',
  '--provision-answer 200',
]

export type BenchNeeds = {
  seed: number
  server: string
  nas: string
  /** The relay, if it is tried instead of the local NAS. */
  relay: string | null
  databases: Databases | null
  target: Target
  between: Between
}

export function createBench({ seed, server, nas, relay, databases, target, between }: BenchNeeds): Bench {
  return {
    random: (name) => createRandom(seed, name),
    async withWorld({ before, ...options }, work) {
      if (!databases) throw new Error('there is no PostgreSQL to start a service with')
      const portal = await createPortal({ ...(between.portal && { publish: between.portal }) })
      before?.(portal)
      const parts = { server, portal, target, databaseUrl: await databases.create(), ...options }
      let world: OwnWorld | undefined
      try {
        world = await startWorld({ ...parts, ...(between.service && { between: between.service }) })
        return await work(world)
      } finally {
        await world?.close()
        await portal.close()
      }
    },
    async withNas(args, work) {
      if (relay && args.length > 0 && !harmless.includes(args.join(' ')))
        throw new OptionMissing(`it needs a timer service with the option ${args[0]}`)
      const started = await (relay
        ? startLocalRelay(relay, between.nas)
        : startLocalNas(nas, args, between.nas))
      try {
        return await work(started)
      } finally {
        await started.close()
      }
    },
  }
}
