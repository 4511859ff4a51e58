import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { agentOf, callRelay, instantIn } from './client.ts'
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
  /** Delivered more than once, which the contract allows. */
  repeated: number
  /** What must not be. */
  wrong: string[]
}

type Options = { kills: number; jobs?: number; program: string; say?: (text: string) => void }

/** From when a wake-up that was replaced or cancelled may not come any more: what was on its way then may. */
const graceMs = 2_000
/** So long after its instant, and then again and again, the relay is asked whether it still owes the wake-up. */
const patienceMs = 20_000

/**
 * Kills a relay with SIGKILL at random moments while many jobs are armed, replaced, cancelled and fired, and keeps
 * account: a wake-up that was confirmed comes, unless it was replaced or cancelled; then it does not; no job has two rows.
 */
export async function killAtRandom({ kills, jobs = 24, program, say = () => {} }: Options): Promise<Account> {
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
    let isOver = false
    const workers = Array.from({ length: jobs }, async (_, index) => {
      for (let round = 0; !isOver; round += 1)
        await oneRound({ agent, hook, account, jobId: `job-${index}-${round}` })
    })
    for (; account.kills < kills; account.kills += 1) {
      await delay(Math.random() * 400)
      await relay.kill()
      relay = await startRelayProcess(env, program)
      await lookAtRows(agent, account)
      if ((account.kills + 1) % 20 === 0)
        say(`${account.kills + 1} kills, ${account.confirmed} wake-ups confirmed`)
    }
    isOver = true
    await Promise.all(workers)
    account.repeated = repeatedOf(hook)
    return account
  } finally {
    await relay.kill()
    await hook.close()
    await rm(folder, { recursive: true })
  }
}

type Agent = ReturnType<typeof agentOf>
type Round = { agent: Agent; hook: Hook; account: Account; jobId: string }

/** One job: armed, then fired, or replaced and fired, or cancelled. */
async function oneRound({ agent, hook, account, jobId }: Round): Promise<void> {
  const first = instantIn(Math.random() * 1_500)
  await untilTaken(() => agent.provision(jobId, first))
  account.confirmed += 1
  const fate = Math.random()
  if (fate < 0.6) return expectFire({ agent, hook, account, jobId }, first)
  if (fate < 0.8) {
    await untilTaken(() => agent.cancel(jobId))
    account.cancelled += 1
    return expectNothing({ hook, account, jobId }, first, Date.now())
  }
  const next = instantIn(500 + Math.random() * 1_500)
  await untilTaken(() => agent.provision(jobId, next))
  const replacedAt = Date.now()
  account.confirmed += 1
  account.replaced += 1
  await expectFire({ agent, hook, account, jobId }, next)
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
  { hook, account, jobId }: Omit<Round, 'agent'>,
  fireAt: string,
  sinceMs: number,
): Promise<void> {
  const untilMs = Math.max(sinceMs, Date.parse(fireAt)) + graceMs
  await delay(Math.max(0, untilMs - Date.now()))
  const late = hook.firesOf(jobId).find((fire) => fire.fireAt === fireAt && fire.at > sinceMs + graceMs)
  if (late) account.wrong.push(`fired after it was replaced or cancelled: ${jobId} for ${fireAt}`)
}

/** A call whose answer was lost is made again, as a service does. */
async function untilTaken(call: () => Promise<{ status: number }>): Promise<void> {
  for (;;) {
    const answer = await call().catch(() => null)
    if (answer?.status === 200) return
    await delay(20)
  }
}

async function lookAtRows(agent: Agent, account: Account): Promise<void> {
  const rows = await agent.list().catch(() => [])
  const names = new Set(rows.map((row) => row.job_id))
  if (names.size !== rows.length) account.wrong.push(`two rows for one job: ${JSON.stringify(rows)}`)
}

function repeatedOf({ fires }: Hook): number {
  const taken = fires.filter(({ status }) => status === 202).map(({ jobId, fireAt }) => `${jobId} ${fireAt}`)
  return taken.length - new Set(taken).size
}
