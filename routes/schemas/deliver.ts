import Type from 'typebox'
import { expecting, object } from './fields.ts'
import { channelName, on, targetsFor, template } from './targets.ts'

const name = Type.Union([Type.Enum(['local', 'none', 'origin']), channelName], {
  description: '"none", "local" or "origin": nobody is told',
  ...expecting('the name of a channel, or "none"'),
})
const reference = object(
  { channel: channelName, on: Type.Optional(on), template: Type.Optional(template) },
  { title: 'ChannelDelivery' },
)
const single = [reference, ...targetsFor('job', { on: Type.Optional(on) })] as const
const words = 'the name of a channel, or an object with a "channel" or a "type"'

/** Whom a job tells of its outcomes. */
export const deliver = Type.Union(
  [
    name,
    ...single,
    Type.Array(Type.Union([name, ...single], expecting(words)), { maxItems: 20 }),
    Type.Null(),
  ],
  expecting(`${words}; a list of these; or null`),
)
