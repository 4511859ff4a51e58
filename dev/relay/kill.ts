import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { agentOf, callRelay, instantIn } from './client.ts'
import { doublesOf, keyOf, type Lost } from './doubles.ts'
import { type Hook, startHook } from './hook.ts'
import { adminSecret, startRelayProcess } from './process.ts'
import { freePort } from '../free-port.ts'

export type Account = {
  kills: number
  /** Wake-ups that were confirmed with 2xx, and what became of them. */
  confirmed: number
  delivered: number
  replaced: number
  cancelled: number
  /** Delivered once more because a kill took the relay's memory of the answer, or the answer to the provision. */
  repeated: number
  /** What must not be. */
  wrong: string[]
}

/** The hosts of the relay, and how long one is up between two kills at most: workerd takes longer to start. */
const hosts = {
  node: { program: 'relay/node/main.ts', upMs: 400 },
  worker: { program: 'dev/relay/worker.ts', upMs: 1_500 },
} as const

export type Host = keyof typeof hosts

export function isHost(name: string): name is Host {
  return Object.hasOwn(hosts, name)
}

type Options = { kills: number; jobs?: number; host: Host; say?: (text: string) => void }

/** From when a wake-up that was replaced or cancelled may not come any more: what was on its way then may. */
const graceMs = 2_000
/** So long after its instant, and then again and again, the relay is asked whether it still owes the wake-up. */
const patienceMs = 20_000

/**
 * Kills a relay, with every process that it has started, by SIGKILL at random moments while many jobs are armed,
 * replaced, cancelled and fired, and keeps account: a wake-up that was confirmed comes, unless it was replaced or
 * cancelled; then it does not; no job has two rows; and none comes twice if no answer was lost.
 */
export async function killAtRandom({ kills, jobs = 24, host, say = () => {} }: Options): Promise<Account> {
  const { program, upMs } = hosts[host]
  const folder = await mkdtemp(join(tmpdir(), 'relay-kills-'))
  // One in ten is not taken at first, so that retries are among what is killed.
  const hook = await startHook(() => ({ status: Math.random() < 0.1 ? 503 : 202 }))
  const env = { PORT: String(await freePort()), RELAY_DATABASE: join(folder, 'relay.db') }
  let relay = await startRelayProcess(env, program)
  const account: Account = {
    kills: 0,
    confirmed: 0,
    delivered: 0,
    replaced: 0,
    cancelled: 0,
    repeated: 0,
    wrong: [],
  }
  try {
    const made = await callRelay(`${relay.url}/agents`, {
      token: adminSecret,
      json: { callback_urls: [hook.url] },
    })
    if (made.status !== 201) throw new Error(`POST /agents: ${made.status} ${JSON.stringify(made.body)}`)
    const agent = agentOf({ url: relay.url, token: String(made.body['token']), callbackUrl: hook.url })
    const lost: Lost = { kills: [], provisions: new Set() }
    let isOver = false
    const workers = Array.from({ length: jobs }, async (_, index) => {
      for (let round = 0; !isOver; round += 1)
        await oneRound({ agent, hook, account, lost, jobId: `job-${index}-${round}` })
    })
    for (; account.kills < kills; account.kills += 1) {
      await delay(Math.random() * upMs)
      const fromMs = Date.now()
      await relay.kill()
      relay = await startRelayProcess(env, program)
      lost.kills.push({ fromMs, toMs: Date.now() })
      await lookAtRows(agent, account)
      if ((account.kills + 1) % 20 === 0)
        say(`${account.kills + 1} kills, ${account.confirmed} wake-ups confirmed`)
    }
    isOver = true
    await Promise.all(workers)
    const doubles = doublesOf(hook.fires, lost)
    account.repeated = doubles.allowed.length
    account.wrong.push(...doubles.wrong)
    return account
  } finally {
    await relay.kill()
    await hook.close()
    await rm(folder, { recursive: true })
  }
}

type Agent = ReturnType<typeof agentOf>
type Round = { agent: Agent; hook: Hook; account: Account; lost: Lost; jobId: string }

/** One job: armed, then fired, or replaced and fired, or cancelled. */
async function oneRound(round: Round): Promise<void> {
  const { agent, hook, account, jobId } = round
  const first = instantIn(Math.random() * 1_500)
  await arm(round, first)
  account.confirmed += 1
  const fate = Math.random()
  if (fate < 0.6) return expectFire(round, first)
  if (fate < 0.8) {
    await untilTaken(() => agent.cancel(jobId))
    account.cancelled += 1
    return expectNothing({ hook, account, jobId }, first, Date.now())
  }
  const next = instantIn(500 + Math.random() * 1_500)
  await arm(round, next)
  const replacedAt = Date.now()
  account.confirmed += 1
  account.replaced += 1
  await expectFire(round, next)
  await expectNothing({ hook, account, jobId }, first, replacedAt)
}

/** Killed in several tries, it comes after a minute or five: late, not lost. Lost is what the relay no longer holds. */
async function expectFire({ agent, hook, account, jobId }: Round, fireAt: string): Promise<void> {
  const takenFire = () => hook.firesOf(jobId).find((fire) => fire.fireAt === fireAt && fire.status === 202)
  let fire = await hook.until(takenFire, Math.max(0, Date.parse(fireAt) - Date.now()) + patienceMs)
  while (!fire) {
    const rows = await agent.rowsOf(jobId).catch(() => null)
    fire = (await hook.until(takenFire, 1_000)) ?? null
    // The list came first: a row that is gone by then was delivered before, or is lost.
    if (!fire && rows?.length === 0) break
  }
  if (!fire) account.wrong.push(`lost: ${jobId} for ${fireAt}`)
  else if (fire.at < Date.parse(fireAt)) account.wrong.push(`early: ${jobId} for ${fireAt}`)
  else account.delivered += 1
}

async function expectNothing(
  { hook, account, jobId }: Pick<Round, 'hook' | 'account' | 'jobId'>,
  fireAt: string,
  sinceMs: number,
): Promise<void> {
  const untilMs = Math.max(sinceMs, Date.parse(fireAt)) + graceMs
  await delay(Math.max(0, untilMs - Date.now()))
  const late = hook.firesOf(jobId).find((fire) => fire.fireAt === fireAt && fire.at > sinceMs + graceMs)
  if (late) account.wrong.push(`fired after it was replaced or cancelled: ${jobId} for ${fireAt}`)
}

async function arm({ agent, lost, jobId }: Round, fireAt: string): Promise<void> {
  const isLost = await untilTaken(() => agent.provision(jobId, fireAt))
  if (isLost) lost.provisions.add(keyOf({ jobId, fireAt }))
}

/** A call whose answer was lost is made again, as a service does. Whether one was. */
async function untilTaken(call: () => Promise<{ status: number }>): Promise<boolean> {
  for (let calls = 1; ; calls += 1) {
    const answer = await call().catch(() => null)
    if (answer?.status === 200) return calls > 1
    // Not sooner: dozens that ask a relay which is starting delay its start.
    await delay(200)
  }
}

async function lookAtRows(agent: Agent, account: Account): Promise<void> {
  const rows = await agent.list().catch(() => [])
  const names = new Set(rows.map((row) => row.job_id))
  if (names.size !== rows.length) account.wrong.push(`two rows for one job: ${JSON.stringify(rows)}`)
}
