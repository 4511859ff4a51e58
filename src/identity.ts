import { providers } from './arming/providers.ts'
import type { Config } from './ground/config.ts'
import type { Database } from '../db/index.ts'
import { AppError } from './ground/errors.ts'
import type { Log } from './ground/log.ts'
import { createLazyTimer, type FireVerifier, type Query, type TimerClient } from './timers/index.ts'
import {
  type AccessTokens,
  createLogin,
  createNasClient,
  createNasFireVerifier,
  createNasTimer,
  createStaticToken,
  createTokenThenLogin,
  expiryOf,
} from './timers/nas/index.ts'
import { createSeal, type Seal } from './vault/seal/index.ts'
import { createTokenVerifier, type TokenVerifier } from './token/index.ts'
import { createKeyStore, createLoginStore, type StoredKeys } from '../db/index.ts'
import { userAgent } from './ground/version.ts'

/** `keys`: the stored keys of NAS, if they are being read already. */
type IdentityNeeds = { config: Config; database: Database; keys: Promise<StoredKeys> | undefined; log: Log }
/** `hold` keeps this process up until the function that it returns is called. */
type NasNeeds = Omit<IdentityNeeds, 'keys'> & { hold: () => () => void }

/** What wakes us, and what proves its fires. `client` null: the environment does not say how to call it. */
type ChosenTimer = { client: TimerClient | null; verifier: FireVerifier }

/** The timer that CRON_PROVIDER names; otherwise NAS, as far as it is configured. */
export function createTimer(needs: NasNeeds & IdentityNeeds): ChosenTimer {
  const { config, database, log } = needs
  const provider = providers[config.provider]
  if (provider?.load && provider.missing(config).length === 0) {
    const { title, load } = provider
    const keyStore = (jwksUrl: string) => createKeyStore({ db: database, jwksUrl })
    const query: Query = (text) =>
      database.run((sql) => sql.unsafe(text), { idempotent: true, name: 'the statement of the timer' })
    const timer = createLazyTimer({
      ...{ name: config.provider, title, place: provider.place(config), limits: provider.limits(config) },
      load: () => load({ config, userAgent, keyStore, query, log }),
    })
    return { client: timer, verifier: timer }
  }
  return { client: createNas(needs), verifier: createNasFireVerifier(createVerifier(needs)) }
}

function createNas({ config, database, hold, log }: NasNeeds): TimerClient | null {
  const { portalUrl, maxHorizonMs: horizonMs } = config.nas
  const accessToken = accessTokens({ config, database, hold, log })
  if (!portalUrl || !accessToken) return null
  return createNasTimer(createNasClient({ portalUrl, accessToken, userAgent, log }), { horizonMs })
}

/** Null where the environment has no key. */
export function sealOf({ encryptionKey, encryptionKeysOld }: Config): Seal | null {
  return encryptionKey && createSeal(encryptionKey, encryptionKeysOld)
}

function accessTokens({ config, database, hold, log }: NasNeeds): AccessTokens | null {
  const { accessToken } = config.nas
  const login = loginOf({ config, database, hold, log })
  if (!accessToken) return login
  warnOfEnd(accessToken, login !== null, log)
  return login ? createTokenThenLogin(accessToken, login) : createStaticToken(accessToken)
}

/** An access token lives for about 15 minutes: one that was put into the environment as it is ends soon. */
function warnOfEnd(accessToken: string, hasLogin: boolean, log: Log): void {
  const expiresAt = expiryOf(accessToken)
  if (!expiresAt) return
  const then = hasLogin
    ? 'the login of NAS_REFRESH_TOKEN is used from then on'
    : 'NAS refuses every call from then on. Set NAS_REFRESH_TOKEN, NAS_TOKEN_URL and NAS_CLIENT_ID instead'
  log.warn(
    { expiresAt: expiresAt.toISOString() },
    `NAS_ACCESS_TOKEN expires at ${expiresAt.toISOString()}; ${then}`,
  )
}

function loginOf({ config, database, hold, log }: NasNeeds): AccessTokens | null {
  const { refreshToken, tokenUrl, clientId } = config.nas
  const seal = sealOf(config)
  if (!refreshToken || !tokenUrl || !clientId || !seal) return null
  const store = createLoginStore({ db: database, clientId })
  return createLogin({
    tokenUrl,
    clientId,
    firstRefreshToken: refreshToken,
    store,
    seal,
    userAgent,
    hold,
    log,
  })
}

/** Verifies fire tokens; without a portal and an audience every token is refused. */
function createVerifier({ config, database, keys, log }: IdentityNeeds): TokenVerifier {
  const { portalUrl, audience } = config.nas
  if (!portalUrl || !audience) return refuseAll
  const jwksUrl = config.nas.jwksUrl ?? `${portalUrl}/.well-known/jwks.json`
  return createTokenVerifier({
    issuer: portalUrl,
    audience,
    jwksUrl,
    userAgent,
    keyStore: createKeyStore({ db: database, jwksUrl, begun: keys }),
    log,
  })
}

const refuseAll: TokenVerifier = {
  async verify() {
    throw new AppError('TOKEN_REJECTED', 'The fire token was not accepted', {
      cause: new Error('NAS_PORTAL_URL or NAS_AUDIENCE is not set'),
    })
  },
  async warm() {},
  async refreshIfStale() {},
  health: () => ({ keys: null, lastError: null }),
}

/** Addresses that no job may call: those of this process, public and local, and of its timer. */
export function ownUrls(config: Config): string[] {
  const { port, metricsPort, callbackUrl, provider, nas, qstash, cloudTasks } = config
  const here = [port, metricsPort].filter((one) => one !== null).map((one) => `http://localhost:${one}`)
  const chosen: Record<string, string> = { qstash: qstash.url, 'cloud-tasks': cloudTasks.url }
  const ofTimer = [nas.portalUrl, nas.jwksUrl, nas.tokenUrl, chosen[provider] ?? null]
  return [...here, callbackUrl, ...ofTimer].filter((url) => url !== null)
}
