import type { SchemaKit } from '../../ground/schema.ts'
import type { callFields } from '../shared/schema.ts'

type Kit = SchemaKit & ReturnType<typeof callFields>

/** The question that is asked before an action of any type: is there anything to do? */
export function whenSchema({ Type, object, expecting, url, headers, timeoutMs, maxRedirects }: Kit) {
  const httpProbe = object({
    type: Type.Literal('http'),
    url,
    method: Type.Optional(Type.Enum(['GET', 'HEAD', 'POST'], { default: 'GET' })),
    headers: Type.Optional(headers),
    timeout_ms: Type.Optional(timeoutMs),
    max_redirects: Type.Optional(maxRedirects),
  })
  const handlerProbe = object({
    type: Type.Literal('handler'),
    handler: Type.String({ minLength: 1, maxLength: 200 }),
    input: Type.Optional(Type.Unknown()),
    timeout_ms: Type.Optional(timeoutMs),
  })
  return Type.Union([httpProbe, handlerProbe], {
    description: 'Runs first. If it reports nothing to do, the run succeeds without the action.',
    ...expecting('an object with a "type" of "http" or "handler"'),
  })
}
