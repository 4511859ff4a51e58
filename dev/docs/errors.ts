import { writeFileSync } from 'node:fs'
import { errorTable } from '../../src/ground/errors.ts'

/** docs/errors.md, made from the one table in the source. Written by `node dev/docs/errors.ts`. */
export function errorsPage(): string {
  const byStatus = Map.groupBy(Object.entries(errorTable), ([, { status }]) => status)
  const sections = [...byStatus.keys()]
    .toSorted((a, b) => a - b)
    .map((status) => {
      const rows = (byStatus.get(status) ?? []).map(([code, { title }]) => `| \`${code}\` | ${title} |`)
      return [`## ${status}`, '', '| code | meaning |', '|---|---|', ...rows, ''].join('\n')
    })
  return [introduction, ...sections].join('\n')
}

export const errorsFile = new URL('../../docs/errors.md', import.meta.url)

const introduction = `# Errors

Generated from \`src/ground/errors.ts\` by \`node dev/docs/errors.ts\`; a test holds the two together.

Every error is answered as \`application/problem+json\` (RFC 9457):

\`\`\`json
{
  "type": "urn:chronos:error:FIELD_UNKNOWN",
  "title": "A field is unknown",
  "status": 400,
  "detail": "unknown field \`timezon\`; did you mean \`timezone\`?",
  "code": "FIELD_UNKNOWN",
  "error": "unknown field \`timezon\`; did you mean \`timezone\`?",
  "errors": [{ "path": "timezon", "message": "unknown field \`timezon\`; did you mean \`timezone\`?" }]
}
\`\`\`

Decide by \`code\`: it never changes once released. \`detail\` (and \`error\`, the same text for older clients) is a
sentence for people: what is wrong with the request, then what to do. Input errors list each problem in \`errors\`. A 503
carries \`Retry-After\` in seconds. A 401 gives no reason; the log does.

\`NOT_ARMED\` is special: the change **is** saved, and a run that was asked for **is** started (it is in \`run\`). Its body has \`"job_saved": true\`, \`"retry_create": false\` and the
\`job\`, and the service keeps trying to arm it. Do not send the request again.
`

if (import.meta.main) writeFileSync(errorsFile, errorsPage())
