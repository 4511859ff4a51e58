import type { ActionKit } from '../type.ts'

export function handlerSchema({ Type, object, expecting, timeoutMs, when }: ActionKit) {
  return object(
    {
      type: Type.Literal('handler'),
      handler: Type.String({
        minLength: 1,
        maxLength: 200,
        ...expecting('the name of a file in handlers/, without ".ts"'),
      }),
      input: Type.Optional(
        Type.Unknown({ description: "templates are filled in; the run's own input is laid over it" }),
      ),
      timeout_ms: Type.Optional(timeoutMs),
      when: Type.Optional(when),
    },
    { title: 'HandlerAction', description: 'One call of a TypeScript function that was built in.' },
  )
}
