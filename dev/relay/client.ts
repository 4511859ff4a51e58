export type Told = { status: number; body: Record<string, unknown>; headers: Headers }

/** One call of a relay, as an agent or as its owner. Rejects if there is no answer. */
export async function callRelay(
  url: string,
  { method = 'POST', token, json }: { method?: string; token?: string; json?: unknown } = {},
): Promise<Told> {
  const answer = await fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      'user-agent': 'chronos-relay-test',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: method === 'GET' || json === undefined ? null : JSON.stringify(json),
  })
  const text = await answer.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  return { status: answer.status, body, headers: answer.headers }
}

export type Row = { job_id: string; fire_at: string; schedule_id: string }

/** The calls of an agent. */
export function agentOf({ url, token, callbackUrl }: { url: string; token: string; callbackUrl: string }) {
  const list = async () =>
    (await callRelay(`${url}/api/agent-cron/list`, { method: 'GET', token })).body['armed'] as Row[]
  return {
    token,
    provision: (jobId: string, fireAt: string, callback = callbackUrl) =>
      callRelay(`${url}/api/agent-cron/provision`, {
        token,
        json: {
          job_id: jobId,
          fire_at: fireAt,
          agent_callback_url: callback,
          dedup_key: `${jobId}:${fireAt}`,
        },
      }),
    cancel: (jobId: string) => callRelay(`${url}/api/agent-cron/cancel`, { token, json: { job_id: jobId } }),
    list,
    rowsOf: async (jobId: string) => (await list()).filter((row) => row.job_id === jobId),
  }
}

/** An instant `ms` from now, as a service writes it. */
export function instantIn(ms: number): string {
  return new Date(Date.now() + ms).toISOString().replace('Z', '+00:00')
}
