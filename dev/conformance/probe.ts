import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, call } from './kit/http.ts'
import { at } from './kit/json.ts'
import type { Nas } from './kit/nas.ts'
import { eventually } from './kit/wait.ts'
import type { World } from './kit/world.ts'
import { OptionError } from './options.ts'

type Pointed = { world: World; hasKey: boolean; hasPortal: boolean; isTargetGiven: boolean }

/**
 * Whether the service that was pointed at is there and takes what the options say of it, so that a wrong option is one
 * sentence and not a hundred clauses that do not hold. Answers why the kit's target is not reached; null: it is.
 *
 * @throws OptionError
 */
export async function probeService({
  world,
  hasKey,
  hasPortal,
  isTargetGiven,
}: Pointed): Promise<string | null> {
  const health = await ask('--url', world.url, () => world.anybody.get('/healthz'))
  if (health.status !== 200)
    throw new OptionError(`--url: ${world.url}/healthz is answered ${health.status}, not 200.`)
  if (hasPortal) await probePortal(world)
  if (!hasKey) return null
  const { status } = await world.api.get('/api/jobs?limit=1')
  if (status !== 200)
    throw new OptionError(`--key: with this key GET /api/jobs is answered ${status}, not 200.`)
  const place = world.target.place()
  const made = await world.create({ schedule: 'in 2h' }, place)
  const why = await reasonUnreached(world, { made, place })
  const id = at(made.body, 'job.id') ?? at(made.body, 'job_id')
  if (hasPortal && typeof id === 'string') isArmedHere(world, { made, id })
  if (typeof id === 'string') await world.api.delete(`/api/jobs/${id}`)
  if (why !== null && isTargetGiven) throw new OptionError(`--target: ${why}`)
  return why
}

async function reasonUnreached(
  world: World,
  { made, place }: { made: Answer; place: { path: string; url: string } },
): Promise<string | null> {
  const id = at(made.body, 'job.id') ?? at(made.body, 'job_id')
  if (typeof id !== 'string') return `a job that calls ${place.url} is refused: ${reasonOf(made)}`
  const started = await world.api.post(`/api/jobs/${id}/run`)
  if (started.status !== 202) return `a run of a job is answered ${started.status}: ${reasonOf(started)}`
  const isCalled = await eventually(() => world.target.callsAt(place.path).length > 0, 10_000)
  return isCalled ? null : `no call came to ${place.url} within 10 s`
}

/**
 * A fire with a token of ours, for no job: 200 if the service takes our keys for its portal's. One that has fetched
 * keys a moment ago, those of the portal whose place we take, may wait before it asks again.
 */
async function probePortal(world: World): Promise<void> {
  const hasAsked = () => world.portal.callsOf('jwks').length > 0
  for (let tries = 1; ; tries++) {
    const { status } = await world.fire('probe')
    if (status === 200) return
    const isOver = tries >= 45 || (status === 401 && hasAsked())
    if (isOver)
      throw new OptionError(`--portal: a fire of ours is answered ${status}. ${whyRefused(hasAsked())}`)
    await delay(1000)
  }
}

function whyRefused(hasAsked: boolean): string {
  return hasAsked
    ? 'The service has our keys: --portal has to be its NAS_PORTAL_URL to the letter, and --audience its NAS_AUDIENCE.'
    : 'The service has not asked for our keys: the address in --portal, or --listen, does not lead to it.'
}

function isArmedHere(world: World, { made, id }: { made: Answer; id: string }): void {
  const [sent] = world.portal.callsOf('provision', id)
  if (!sent)
    throw new OptionError(
      `--portal: the service did not ask for a wake-up of its job; POST /api/jobs is answered ${made.status}. Its CRON_PROVIDER has to be chronos.`,
    )
  if (sent.headers.authorization !== `Bearer ${world.portal.accessToken}`)
    throw new OptionError(
      '--portal-token is not the access token that the service shows. Restart the service.',
    )
}

function reasonOf({ body, text }: Answer): string {
  const said = at(body, 'error')
  return typeof said === 'string' ? said : text.slice(0, 200)
}

/** Whether a timer service is there, lets us in, and reaches us. @throws OptionError */
export async function probeNas(nas: Nas): Promise<void> {
  const keys = await ask('--nas', nas.url, () => call('GET', `${nas.url}/.well-known/jwks.json`))
  if (keys.status !== 200)
    throw new OptionError(`--nas: ${nas.url}/.well-known/jwks.json is answered ${keys.status}, not 200.`)
  const jobId = nas.newJobId()
  const answer = await nas.provision(jobId, new Date(Date.now() - 1000).toISOString())
  if (answer.status === 401)
    throw new OptionError('--nas-token: with this token a provision is answered 401.')
  if (answer.status > 299)
    throw new OptionError(`--nas: a provision is answered ${answer.status}: ${reasonOf(answer)}`)
  const isFired = await eventually(() => nas.agent.callsOf(jobId).length > 0, 20_000)
  if (!isFired)
    throw new OptionError(
      `--agent: no fire came to ${nas.agent.url}/api/cron/fire within 20 s of a provision.`,
    )
}

async function ask(option: string, url: string, work: () => Promise<Answer>): Promise<Answer> {
  return work().catch((error: Error) => {
    const { code = error.message } = (error.cause ?? error) as { code?: string }
    throw new OptionError(`${option}: nothing answers at ${url} (${code}).`)
  })
}
