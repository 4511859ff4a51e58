import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { decodeJwt } from 'jose'
import type { Nas, NasOptions } from '../../dev/nas/index.ts'
import { at, createClient, startTarget } from './setup.ts'

/**
 * A change of one decision of the relay, and what has to differ at the local NAS then. A decision that the NAS made by
 * code of its own would stay as it was.
 */
const changes: { file: string; from: string; to: string; differs: keyof Seen }[] = [
  {
    file: 'arm.ts',
    from: 'held?.fireAtMs === request.fireAtMs',
    to: 'held === undefined',
    differs: 'sameInstant',
  },
  {
    file: 'arm.ts',
    from: 'return { ...request, tries: 0',
    to: 'return held ?? { ...request, tries: 0',
    differs: 'replaced',
  },
  { file: 'arm.ts', from: '[2, 5, 15,', to: '[4, 5, 15,', differs: 'firstGapMs' },
  { file: 'arm.ts', from: 'Math.max(gapMs, askedMs)', to: 'gapMs', differs: 'retryAfterMs' },
  { file: 'arm.ts', from: 'status < 300', to: 'status < 202', differs: 'afterTaken' },
  { file: 'arm.ts', from: 'tries: arm.tries + 1', to: 'tries: arm.tries', differs: 'triesBegun' },
  { file: 'agent-cron.ts', from: 'await store.disarm(agent.id, jobId)', to: '', differs: 'afterCancel' },
  { file: 'agent-cron.ts', from: 'schedule_id: scheduleId,', to: '', differs: 'listed' },
  { file: 'agent-cron.ts', from: 'dedupKey !==', to: 'false && dedupKey !==', differs: 'wrongDedupKey' },
  { file: 'instant.ts', from: 'isReal ? utc - offset', to: 'isReal ? utc', differs: 'offsetIsRead' },
  { file: 'callback.ts', from: "'/api/cron/fire'", to: "'/elsewhere'", differs: 'firePath' },
  { file: 'callback.ts', from: 'base.startsWith(`${one}/`)', to: 'false', differs: 'callback' },
  { file: 'sender.ts', from: 'if (refused) return', to: 'return', differs: 'isSent' },
  { file: 'sender.ts', from: 'job_id: arm.jobId', to: 'job: arm.jobId', differs: 'fireBody' },
  { file: 'keys.ts', from: "purpose: 'cron_fire'", to: "purpose: 'other'", differs: 'claims' },
  { file: 'keys.ts', from: 'publicJwk)', to: 'publicJwk).slice(1)', differs: 'publishedKeys' },
  { file: 'keys.ts', from: 'if (isCompromised ||', to: 'if (', differs: 'keysAfterTheft' },
  { file: 'agent.ts', from: '[...tokens, ...access].some', to: '[...access].some', differs: 'listStatus' },
  {
    file: 'agent.ts',
    from: '!isSameHash(login.refreshHash, given.hash)',
    to: 'false',
    differs: 'spentToken',
  },
  { file: 'agent.ts', from: 'accessLifetimeS = 900', to: 'accessLifetimeS = 60', differs: 'accessLifetimeS' },
  { file: 'relay.ts', from: 'public, max-age', to: 'max-age', differs: 'jwksCache' },
  { file: 'relay.ts', from: 'return refusal(405', to: 'return refusal(404', differs: 'wrongMethod' },
]

type Seen = Awaited<ReturnType<typeof story>>
type Start = (options: NasOptions) => Promise<Nas>

/** A local NAS with a core of its own, in which one text is another. */
async function changedNas(t: TestContext, change?: (typeof changes)[number]): Promise<Start> {
  const folder = await mkdtemp(join(tmpdir(), 'nas-core-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const part of ['relay/core', 'dev/nas']) await cp(part, join(folder, part), { recursive: true })
  await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  if (change) {
    const file = join(folder, 'relay/core', change.file)
    const text = await readFile(file, 'utf8')
    assert.equal(text.split(change.from).length, 2, `${change.file} has "${change.from}" once`)
    await writeFile(
      file,
      text.replace(change.from, () => change.to),
    )
  }
  return ((await import(join(folder, 'dev/nas/index.ts'))) as { startNas: Start }).startNas
}

/** What a client and a target see of a NAS, one fact for each decision. */
async function story(t: TestContext, start: Start) {
  const nas = await start({ time: at(0) })
  t.after(() => nas.close())
  const target = await startTarget(t, (fire) => {
    if (fire.body.job_id === 'asks') return fire.answer(503, { 'retry-after': '40' })
    fire.answer(fire.body.job_id === 'fails' ? 500 : 202)
  })
  const client = createClient(nas)
  const provision = (jobId: string, fireAt: string) => client.provision(jobId, fireAt, target.url)
  const dueIn = (jobId: string) =>
    nas.held().flatMap((arm) => (arm.job_id === jobId ? [Date.parse(arm.due_at) - nas.now().getTime()] : []))

  const first = await provision('far', at(600_000))
  const again = await provision('far', at(600_000))
  const wrong = { ...(await wrongDedupKey(client, target.url)) }
  await provision('far', at(700_000))
  await provision('offset', at(3_600_000).replace('Z', '+01:00'))
  const listed = await client.call('GET', '/api/agent-cron/list')
  const offsetIsRead = dueIn('offset')
  await provision('cancelled', at(900_000))
  await client.cancel('cancelled')
  const afterCancel = nas.armed().filter(({ job_id }) => job_id === 'cancelled').length
  for (const job of ['taken', 'fails', 'asks']) await provision(job, at(0))
  await nas.idle()
  const [fire] = target.fires
  const jwks = await client.call('GET', '/.well-known/jwks.json')
  const token = nas.refreshToken()
  const granted = await client.refresh(token)
  const spent = await client.refresh(token)
  await nas.rotateKeys({ keepOld: false })
  const keysAfterTheft = (await client.call('GET', '/.well-known/jwks.json')).body['keys'] as unknown[]
  return {
    sameInstant: first.body['schedule_id'] === again.body['schedule_id'],
    callback: first.status,
    wrongDedupKey: wrong.status,
    replaced: nas.armed().flatMap((arm) => (arm.job_id === 'far' ? [arm.fire_at] : [])),
    listStatus: listed.status,
    listed: Object.keys((listed.body['armed'] as object[] | undefined)?.[0] ?? {}),
    offsetIsRead,
    afterCancel,
    isSent: target.fires.length > 0,
    firePath: fire?.path,
    fireBody: Object.keys(fire?.body ?? {}),
    claims: fire && { ...decodeJwt(fire.token), iss: '', iat: 0, nbf: 0, exp: 0, jti: '' },
    afterTaken: dueIn('taken').length,
    firstGapMs: dueIn('fails'),
    triesBegun: nas.held().find((arm) => arm.job_id === 'fails')?.tries,
    retryAfterMs: dueIn('asks'),
    publishedKeys: (jwks.body['keys'] as unknown[]).length,
    jwksCache: jwks.headers.get('cache-control'),
    accessLifetimeS: granted.body['expires_in'],
    spentToken: spent.status,
    keysAfterTheft: keysAfterTheft.length,
    wrongMethod: (await client.call('POST', '/api/agent-cron/list', {})).status,
  }
}

function wrongDedupKey(client: ReturnType<typeof createClient>, url: string) {
  const body = { job_id: 'w', fire_at: at(1), agent_callback_url: url, dedup_key: 'another' }
  return client.call('POST', '/api/agent-cron/provision', body)
}

test('every decision that is changed in the core of the relay is changed at the local NAS', async (t) => {
  const usual = await story(t, await changedNas(t))
  for (const change of changes) {
    const seen = await story(t, await changedNas(t, change))
    assert.notDeepEqual(seen[change.differs], usual[change.differs], `${change.file}: ${change.differs}`)
  }
  const covered = new Set(changes.map(({ differs }) => differs))
  assert.deepEqual(
    Object.keys(usual).filter((name) => !covered.has(name as keyof Seen)),
    [],
  )
})
