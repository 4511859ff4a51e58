import type { TObject, TProperties } from 'typebox'
import { type Place, receiverKit, type ReceiverKit, receivers } from '../../src/delivery/senders/index.ts'
import * as kit from '../../src/ground/schema.ts'
import { Type } from '../../src/ground/schema.ts'
import { quotedChoice } from '../../src/ground/words.ts'
import { distinct, expecting, object } from './fields.ts'

export const channelName = Type.String({
  pattern: '^(?!(local|none|origin|all)$)[a-z0-9][a-z0-9_-]{0,62}$',
  ...expecting(
    'lower-case letters, digits, - and _, 63 at most, other than "local", "none", "origin" and "all"',
  ),
  examples: ['team-chat'],
})

const events = ['success', 'failure', 'recovery', 'always', 'changed'] as const
export const onWords = `${events.map((one) => `"${one}"`).join(', ')}, or a list of these`
export const on = Type.Union(
  [Type.Enum([...events]), distinct(Type.Enum([...events]), { minItems: 1, maxItems: events.length })],
  {
    description: 'default: always',
    ...expecting(onWords),
  },
)

export const { template } = receiverKit(kit, 'job')

type Described = { schema(kit: ReceiverKit): TObject }
type With<Schema, More extends TProperties> = Schema extends TObject<infer Own> ? TObject<Own & More> : never
type SchemasOf<List extends readonly Described[], More extends TProperties> = {
  -readonly [At in keyof List]: With<ReturnType<List[At]['schema']>, More>
}

/** `"webhook", "slack" …`: every type of receiver. */
export const typesInWords = quotedChoice(receivers.map(({ type }) => type))

/** The receivers by type, as they stand in a channel or in a job. `more`: fields that each has besides. `kind`: behind its type in its title. */
export function targetsFor<More extends TProperties>(
  place: Place,
  more: More,
  kind = place === 'channel' ? 'Channel' : 'Delivery',
) {
  const full = receiverKit(kit, place)
  const schemas = receivers.map(({ type, schema }) => {
    const { properties, description } = schema(full) as unknown as {
      properties: TProperties
      description?: string
    }
    const title = `${type.charAt(0).toUpperCase()}${type.slice(1)}${kind}`
    return object({ ...properties, ...more }, { title, ...(description !== undefined && { description }) })
  })
  return schemas as unknown as SchemasOf<typeof receivers, More>
}
