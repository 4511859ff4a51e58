import {
  type ArmWish,
  createRefusal,
  createStandaloneCalls,
  failure,
  failureOf,
  type Reply,
  send,
  type TimerAnswer,
  type TimerCalls,
} from '../index.ts'
import type { Access } from './access.ts'

type CloudTasksClientNeeds = {
  /** https, or http to loopback; without a trailing slash. */
  url: string
  /** `projects/…/locations/…/queues/…` */
  queue: string
  /** The service account whose token each fire brings. */
  caller: string
  access: Access
  userAgent: string
  log: { error(fields: object, message: string): void }
  timeoutMs?: number
}

type Ask = { method: 'post' | 'delete'; path: string; json?: unknown }

/** A fire boots a machine. */
const dispatchDeadline = '60s'
const maxBytes = 64 * 1024

/**
 * The calls of Cloud Tasks: create a task, delete one. A task cannot be changed, so one that replaces another stands beside
 * it. What is pending is not listed: each task of a list is billed.
 */
export function createCloudTasksClient(needs: CloudTasksClientNeeds): TimerCalls {
  const { url, queue, caller, access, userAgent, log, timeoutMs = 15_000 } = needs
  const refusal = createRefusal({ says: 'Cloud Tasks permanently refuses this service', log })

  const ask = (wish: Ask, signal?: AbortSignal) => refusal.unlessRefused(() => askWithToken(wish, signal))

  /** Again with a new token if the first one is not taken. */
  async function askWithToken(wish: Ask, signal?: AbortSignal): Promise<TimerAnswer<Reply>> {
    for (let tries = 1; ; tries++) {
      const token = await access.get()
      if (!token.ok) return token
      const sent = await askOnce(wish, token.value, signal)
      if (!sent.ok) return sent
      if (sent.value.status !== 401) return judge(sent.value, wish.method)
      access.invalidate(token.value)
      if (tries > 1)
        return {
          ...failure('transient', 'CLOUD_TASKS_TOKEN_REJECTED', 'answered 401 to two tokens in a row'),
          status: 401,
        }
    }
  }

  function askOnce({ method, path, json }: Ask, token: string, signal?: AbortSignal) {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json', 'user-agent': userAgent }
    const call = {
      method,
      url: new URL(`${url}/v2/${queue}/tasks${path}`),
      headers,
      json,
      timeoutMs,
      maxBytes,
      signal,
    }
    return send({ service: 'CLOUD_TASKS', ...call, secrets: [token] })
  }

  async function arm({ jobId, gen, fireAt, callbackUrl }: ArmWish, signal?: AbortSignal) {
    // ids of jobs are random, as Google wants the beginning of a name to be; a name cannot be used again for an hour
    const id = `${jobId}-${gen}-${fireAt.getTime()}`
    const fireUrl = `${callbackUrl}/api/cron/fire`
    const body = JSON.stringify({ job_id: jobId, fire_at: fireAt.toISOString() })
    const task = {
      name: `${queue}/tasks/${id}`,
      scheduleTime: fireAt.toISOString(),
      dispatchDeadline,
      httpRequest: {
        url: fireUrl,
        httpMethod: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: Buffer.from(body).toString('base64'),
        oidcToken: { serviceAccountEmail: caller, audience: fireUrl },
      },
    }
    const answer = await ask({ method: 'post', path: '', json: { task } }, signal)
    if (answer.ok && answer.value.body === null)
      return failure('transient', 'CLOUD_TASKS_UNREADABLE', 'answered 2xx without a task')
    return answer.ok ? { ok: true as const, value: { scheduleId: id } } : answer
  }

  return createStandaloneCalls({
    url,
    arm,
    refusal,
    remove: (scheduleId, signal) =>
      ask({ method: 'delete', path: `/${encodeURIComponent(scheduleId)}` }, signal),
  })
}

function judge(reply: Reply, method: Ask['method']): TimerAnswer<Reply> {
  const { status, body } = reply
  if (status >= 200 && status < 300) return { ok: true, value: reply }
  const meaning = failureOf('CLOUD_TASKS', reply)
  // a page, or an empty answer, is from something in front of Google
  if (body === null) return meaning
  // an earlier try did get through; whether its task still waits is not known, so the next try makes another one
  if (status === 409)
    return { ...meaning, ...failure('transient', 'CLOUD_TASKS_NAME_TAKEN', meaning.message) }
  if (status === 404 && method === 'post')
    return { ...meaning, ...failure('refused', 'CLOUD_TASKS_NO_QUEUE', meaning.message) }
  if (status === 403) return { ...meaning, ...failure('refused', 'CLOUD_TASKS_FORBIDDEN', meaning.message) }
  return meaning
}
