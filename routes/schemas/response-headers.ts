const text = (description: string, example: string) => ({
  description,
  schema: { type: 'string' },
  example,
})
const count = (description: string, example: number) => ({
  description,
  schema: { type: 'integer' },
  example,
})

/** The headers of answers, each described once. */
export const responseHeaders = {
  'X-Request-Id': text(
    'The id of this request in the log and in the audit',
    '5b1c2f9e-0a6d-4c1e-9d3a-1f2e3d4c5b6a',
  ),
  'RateLimit-Limit': count('Calls that this key may make in a minute', 600),
  'RateLimit-Remaining': count('Calls that are left in this minute', 599),
  'RateLimit-Reset': count('Seconds until the whole allowance is back', 42),
  'Retry-After': count('Seconds after which the call may be repeated', 1),
  'WWW-Authenticate': text('How to authenticate', 'Bearer'),
  ETag: text('The version of what is shown, for `If-Match` or `If-None-Match`', '"3"'),
  Location: text('The path of what was made', '/api/jobs/ab12cd34ef56'),
  'Idempotency-Replayed': text('`true`: an earlier call with this key has made the job', 'true'),
  'X-Chronos-Attempt': count('The attempt whose log this is', 1),
  'X-Chronos-Total-Bytes': count('What the attempt has written in all; the log may have less', 2048),
} as const

export type ResponseHeader = keyof typeof responseHeaders
