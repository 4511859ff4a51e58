import { styleText } from 'node:util'

export type Address = { baseUrl: string; pageUrl: string; apiKey: string; targetUrl: string }

/** What a newcomer needs: where, the key, and one command that shows it all. */
export function welcome({ baseUrl, pageUrl, apiKey, targetUrl }: Address, tookMs: number): string {
  const action = { type: 'http', url: `${targetUrl}/hello`, body: 'hello' }
  const job = { name: 'hello', schedule: 'every 5s', action }
  const key = `-H 'Authorization: Bearer ${apiKey}'`
  return `
${styleText('bold', 'Chronos is ready')} (after ${(tookMs / 1000).toFixed(1)} s).

  page      ${pageUrl}
            (signs in once, within ten minutes; later with the API key)
  base URL  ${baseUrl}
  API key   ${apiKey}

A job that is due in 5 seconds, and then every 5 seconds; it calls a target that prints what it gets:

curl -X POST ${baseUrl}/api/jobs \\
  ${key} -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(job)}'

To remove it (its id is in the answer, and in the log as job=…):

curl -X DELETE ${baseUrl}/api/jobs/<id> ${key}

Ctrl-C stops everything. Jobs, keys and ports are kept in .chronos/ for the next start. Times below are UTC.
`
}
