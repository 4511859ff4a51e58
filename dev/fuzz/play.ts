import { setTimeout as sleep } from 'node:timers/promises'
import { toBuffer } from './bytes.ts'
import type { Group, Outing } from './group.ts'
import { type Finding, judgeAnswer, type Totals } from './judge.ts'
import { send } from './wire.ts'
import type { Json, World } from './world.ts'

const callsAtOnce = 8
const outingMs = 12_000

/** Plays a group to its end; what its answers have wrong. */
export async function play(group: Group, world: World, totals: Totals): Promise<Finding[]> {
  const { outside, living } = world
  living['place'] = group.answers.map((answer) => outside.place(answer))
  living['smtp'] = [
    String(
      await outside.mailServer(
        group.outings.find(({ receiver }) => receiver !== null)?.receiver?.replies ?? [],
      ),
    ),
  ]
  const [ofOutings, ofCalls] = await Promise.all([
    playOutings(group.outings, world, totals),
    playCalls(group, world, totals),
  ])
  return [...ofOutings, ...ofCalls]
}

async function playCalls({ calls }: Group, world: World, totals: Totals): Promise<Finding[]> {
  const findings: Finding[] = []
  const left = [...calls]
  const worker = async () => {
    for (let call = left.shift(); call && world.service.ended() === null; call = left.shift()) {
      const askedAt = Date.now()
      const answer = await send(call, world.port, world.fill)
      const finding = judgeAnswer(call.key, { ...answer, askedAt }, { ...world, totals })
      if (finding) findings.push(finding)
      if (answer.isHung) findings.push({ what: 'hung', says: `${call.key} was not answered` })
    }
  }
  await Promise.all(Array.from({ length: callsAtOnce }, worker))
  return findings
}

async function playOutings(outings: Outing[], world: World, totals: Totals): Promise<Finding[]> {
  const made = await Promise.all(outings.map((outing, n) => begin(outing, n, world, totals)))
  const ids = made.flatMap(({ id }) => id ?? [])
  const endsAt = performance.now() + outingMs
  while (ids.length > 0 && performance.now() < endsAt && world.service.ended() === null) {
    if (await areOver(ids, world)) break
    await sleep(50)
  }
  return made.flatMap(({ findings }) => findings)
}

/** The runs of all these jobs have begun, and nothing of them is under way. */
async function areOver(ids: string[], { sql }: World): Promise<boolean> {
  const [row] = await sql<{ begun: number; live: number }[]>`
    select count(distinct job_id)::int as begun,
      count(*) filter (where lease_until is not null or attempt_due_at < clock_timestamp() + interval '1 s')::int as live
    from runs where job_id = any(${ids})`
  return row?.begun === ids.length && row.live === 0
}

async function begin(
  outing: Outing,
  n: number,
  world: World,
  totals: Totals,
): Promise<{ id: string | null; findings: Finding[] }> {
  const { outside } = world
  const findings: Finding[] = []
  const call = async (key: string, path: string, body: Json) => {
    const [method = ''] = key.split(' ')
    const askedAt = Date.now()
    const { status, body: answer } = await world
      .api(method, path, body)
      .catch(() => ({ status: null, body: {} as Json }))
    const finding = judgeAnswer(key, { status, body: JSON.stringify(answer), askedAt }, { ...world, totals })
    if (finding) findings.push(finding)
    return answer
  }
  const url = outside.place(outing.answer)
  const { receiver } = outing
  const channel = `outing-${n}`
  if (receiver)
    await call('PUT /api/channels/{name}', `/api/channels/${channel}`, await channelOf(receiver, world))
  const made = await call('POST /api/jobs', '/api/jobs', {
    name: `outing ${n}`,
    ...jobOf(outing, url),
    ...(receiver && { deliver: channel }),
  })
  const id = ((made['job'] as Json | undefined)?.['id'] as string | undefined) ?? null
  const input = inputOf(outing)
  if (id !== null && !outing.isFired)
    await call('POST /api/jobs/{id}/run', `/api/jobs/${id}/run`, input === null ? {} : { input })
  return { id, findings }
}

function inputOf({ input }: Outing): unknown {
  try {
    return JSON.parse(toBuffer(input).toString()) as unknown
  } catch {
    return null
  }
}

function jobOf({ kind, isFired, timeoutMs, attempts }: Outing, url: string): Json {
  const schedule = isFired ? 'in 1s' : 'every 1h'
  const retry = { attempts, backoff: 'fixed', delay_ms: 100, max_delay_ms: 100 }
  const limit = { timeout_ms: timeoutMs }
  const actions: Record<Outing['kind'], Json> = {
    http: { type: 'http', url: `${url}/{{run.id}}`, ...limit },
    callback: { type: 'http', url, callback: { deadline_ms: 1_000 }, ...limit },
    gate: { type: 'http', url, ...limit, when: { type: 'http', url: `${url}/gate`, ...limit } },
    prompt: { type: 'prompt', base_url: url, model: 'm', ...limit },
    handler: { type: 'handler', handler: 'check-page', input: { url }, ...limit },
  }
  return {
    schedule,
    retry,
    action: actions[kind],
    ...(kind === 'prompt' && { prompt: 'what is new? {{slot}}' }),
  }
}

async function channelOf(
  { type, answer, replies }: NonNullable<Outing['receiver']>,
  { outside }: World,
): Promise<Json> {
  const url = outside.place(answer)
  if (type === 'telegram') return { type, bot_token: '123:abc', chat_id: '@chat', api_base: url }
  if (type !== 'email') return { type, url }
  const [from, to] = ['Chronos <cron@example.com>', ['ops@example.com', 'dev@example.com']]
  return { type, host: '127.0.0.1', port: await outside.mailServer(replies), from, to }
}
