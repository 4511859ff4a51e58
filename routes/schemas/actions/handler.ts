import Type from 'typebox'
import { expecting, object } from '../fields.ts'
import { timeoutMs } from './call.ts'
import { when } from './when.ts'

export const handlerAction = object(
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
