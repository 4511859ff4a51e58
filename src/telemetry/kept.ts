/** As in src/delivery/senders and in `Sent`; a test compares them. `unknown`: the receiver was not found. */
const receiverTypes = ['webhook', 'slack', 'discord', 'telegram', 'email', 'healthcheck']
const sendOutcomes = ['delivered', 'retry', 'failed', 'disabled']

function valuesOf<Label extends string>(label: Label, values: string[]): Record<Label, string>[] {
  return values.map((value) => ({ [label]: value }) as Record<Label, string>)
}

/**
 * The numbers that processes count and Postgres keeps (table `counters`), under the names that `/metrics` has for them. A
 * name here is a row there: renaming one starts it at zero.
 */
export const keptCounters = {
  fires: {
    name: 'chronos_fires_total',
    about: 'Fires, by their answer: a status, or the code of an error in small letters',
    labels: ['answer'],
    atLeast: valuesOf('answer', [
      'accepted',
      'duplicate',
      'gone',
      'inactive',
      'not_due',
      'arm_unconfirmed',
      'queue_full',
      'draining',
      'token_rejected',
      'jwks_unavailable',
      'database_unavailable',
    ]),
  },
  arms: {
    name: 'chronos_arms_total',
    about: 'Calls of the timer service that arm or cancel a wake-up, by outcome',
    labels: ['outcome'],
    atLeast: valuesOf('outcome', ['armed', 'cancelled', 'failed']),
  },
  deliveries: {
    name: 'chronos_deliveries_total',
    about: 'Tries of deliveries, by type of receiver and outcome',
    labels: ['type', 'outcome'],
    atLeast: receiverTypes.flatMap((type) => sendOutcomes.map((outcome) => ({ type, outcome }))),
  },
} as const

/** Upper bounds of the buckets in seconds, the last one (`+Inf`) left out. */
export const keptHistograms = {
  claim: {
    name: 'chronos_claim_duration_seconds',
    about: 'Time of a claim: from the look for due work of a job to the answer of Postgres',
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  arm: {
    name: 'chronos_arm_duration_seconds',
    about: 'Time of a call of the timer service that arms or cancels a wake-up',
    bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  coldStart: {
    name: 'chronos_cold_start_duration_seconds',
    about: 'From the start of a process to its first answered fire, if that was what it was started for',
    bounds: [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30],
  },
  statement: {
    name: 'chronos_statement_duration_seconds',
    about:
      'Time of a call of Postgres: the wait for a connection, and the second try after a lost one, are in it',
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
} as const

export type KeptCounter = keyof typeof keptCounters
export type KeptHistogram = keyof typeof keptHistograms
export type LabelsOf<Name extends KeptCounter> = Readonly<
  Record<(typeof keptCounters)[Name]['labels'][number], string>
>

/** `labels`: JSON, its keys in the order of the declaration. `value`: of a bucket, what is in it and in no lower one. */
export type KeptRow = { name: string; labels: string; value: number }

export const bucketOf = (name: string) => `${name}_bucket`
export const sumOf = (name: string) => `${name}_sum`
