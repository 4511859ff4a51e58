import type { ReceiverKit } from '../shared/schema.ts'

export function healthcheckSchema({ Type, object, url }: ReceiverKit) {
  return object({
    type: Type.Literal('healthcheck'),
    url,
    style: Type.Optional(Type.Enum(['healthchecks', 'cronitor'], { default: 'healthchecks' })),
  })
}
