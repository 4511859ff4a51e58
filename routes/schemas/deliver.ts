import Type from 'typebox'
import { expecting, object } from './fields.ts'
import { channelName, on, targetsFor, template } from './targets.ts'

const names = Type.String({
  maxLength: 1_000,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  description:
    'Names of channels, separated by commas. "none", "local" and "origin": nothing is sent; "all": every channel. A name that no channel has yet (such as "telegram:-100123") is kept, and `warnings` says so.',
  ...expecting('names of channels, separated by commas, or "none"'),
})
const reference = object(
  { channel: channelName, on: Type.Optional(on), template: Type.Optional(template) },
  { title: 'ChannelDelivery' },
)
const single = [reference, ...targetsFor('job', { on: Type.Optional(on) })] as const
const words = 'the name of a channel, or an object with a "channel" or a "type"'

/** The receivers of a job's outcomes. */
export const deliver = Type.Union(
  [
    names,
    ...single,
    Type.Array(Type.Union([names, ...single], expecting(words)), { maxItems: 20 }),
    Type.Null(),
  ],
  { title: 'Deliver', ...expecting(`${words}; a list of these; or null`) },
)
