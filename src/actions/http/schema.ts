import type { ActionKit } from '../type.ts'

const longestWaitMs = 7 * 86_400_000

export function httpSchema({
  Type,
  object,
  expecting,
  url,
  headers,
  timeoutMs,
  maxRedirects,
  when,
}: ActionKit) {
  const status = Type.Refine(
    Type.String({
      pattern: '^([1-5]xx|[1-5][0-9]{2}(-[1-5][0-9]{2})?)$',
      ...expecting('statuses such as "2xx", "204" or "200-299"'),
    }),
    isAscending,
  )
  const formValue = Type.Union(
    [Type.String(), Type.Number(), Type.Boolean()],
    expecting('a string, a number, or true or false'),
  )
  const formField = Type.Union(
    [Type.String(), Type.Number(), Type.Boolean(), Type.Array(formValue, { maxItems: 200 })],
    expecting('a string, a number, true or false, or a list of these'),
  )
  return object(
    {
      type: Type.Literal('http'),
      url,
      method: Type.Optional(
        Type.Enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'], { default: 'POST' }),
      ),
      headers: Type.Optional(headers),
      body: Type.Optional(Type.Unknown({ description: 'text is sent as it is, everything else as JSON' })),
      form: Type.Optional(
        Type.Record(Type.String({ maxLength: 200 }), formField, {
          maxProperties: 200,
          description: 'sent as application/x-www-form-urlencoded, in place of a body',
        }),
      ),
      timeout_ms: Type.Optional(timeoutMs),
      success: Type.Optional(Type.Array(status, { minItems: 1, maxItems: 20, default: ['2xx'] })),
      max_redirects: Type.Optional(maxRedirects),
      callback: Type.Optional(
        object(
          { deadline_ms: Type.Integer({ minimum: 1_000, maximum: longestWaitMs }) },
          { description: 'The target may answer 202, and report the outcome later to X-Chronos-Callback.' },
        ),
      ),
      when: Type.Optional(when),
    },
    {
      title: 'HttpAction',
      description: 'One HTTP call. Templates such as {{slot}} may stand in url, headers, body and form.',
    },
  )
}

function isAscending(text: string): boolean {
  const [first = '', last = first] = text.split('-')
  return first <= last
}
