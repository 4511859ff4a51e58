import type { Call } from '../../outbound/index.ts'
import { discord } from './discord/index.ts'
import { email } from './email/index.ts'
import { healthcheck } from './healthcheck/index.ts'
import type { Receiver, ReceiverConfig } from './receiver.ts'
import { slack } from './slack/index.ts'
import { telegram } from './telegram/index.ts'
import { webhook } from './webhook/index.ts'

/** Every type of receiver that there is, in the order in which they are documented. */
export const receivers = [
  webhook,
  slack,
  discord,
  telegram,
  email,
  healthcheck,
] as const satisfies readonly Receiver[]

type TargetOf<One> = One extends Receiver<infer Taken> ? Taken : never

/** Where a message goes, with its secrets filled in. Whatever is more in it is left alone. */
export type Target = TargetOf<(typeof receivers)[number]>

/** Null: there is no such type. */
export function receiverOf({ type }: ReceiverConfig): Receiver<Target> | null {
  // each takes targets of its own type only: this is the one that takes those of `type`
  return (receivers.find((one) => one.type === type) ?? null) as Receiver<Target> | null
}

/** The addresses that a target calls, as far as its fields name them. */
export function callsOf(config: ReceiverConfig): Call[] {
  return receiverOf(config)?.callsOf(config) ?? []
}
