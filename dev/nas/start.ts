import { createControl, isControl } from './control.ts'
import { firesOf, loginsOf, mannersOf, timeOf, viewOf } from './face.ts'
import { type Listener, listen } from './http.ts'
import { splitMisbehaviour } from './misbehave.ts'
import { misbehavioursOf } from './modes.ts'
import type { Nas, NasOptions } from './nas.ts'
import { createNasCore, type NasCore } from './core.ts'
import { createRoutes } from './routes.ts'

/**
 * Starts a local NAS. It listens when this resolves, and goes on with what its state file holds.
 *
 * Rejects with the system's error (`EADDRINUSE`) where a port cannot be had, and with `MisbehaviourUnknown`.
 */
export async function startNas(options: NasOptions = {}): Promise<Nas> {
  const { host = '127.0.0.1', port = 0, controlPort } = options
  const core = await createNasCore(options, () => issuer)
  const routes = createRoutes(core, { firewall: options.firewall ?? true })
  const control = createControl(() => nas)
  const portal = await listen({
    ...{ host, port },
    handle: (request, response) =>
      isControl(request) ? control(request, response) : routes(request, response),
  })
  const closePortal = async (error: unknown) => {
    await portal.close()
    throw error
  }
  const second =
    controlPort === undefined
      ? null
      : await listen({ host: '127.0.0.1', port: controlPort, handle: control }).catch(closePortal)

  const url = urlOf(portal, host)
  const issuer = (options.portalUrl ?? url).replace(/\/+$/, '')
  const nas: Nas = {
    ...{ url, issuer, controlUrl: second && urlOf(second, '127.0.0.1') },
    ...namesOf(core, issuer),
    ...viewOf(core),
    ...timeOf(core),
    ...firesOf(core),
    ...loginsOf(core),
    ...mannersOf(core, (name) => enforce(core, portal, name)),
    waitFor: (look, timeoutMs = 5_000) => core.signal.until(() => look(nas), timeoutMs, String(look)),
    async close() {
      core.halt()
      core.clock.stop()
      await Promise.all([portal.close(), second?.close()])
    },
  }

  try {
    const others = [...misbehavioursOf(options.modes ?? {}), ...(options.misbehave ?? [])]
    for (const text of others) await nas.misbehave(...splitMisbehaviour(text))
  } catch (error) {
    await nas.close()
    throw error
  }
  core.relay.scheduleAll()
  core.save()
  return nas
}

function namesOf({ identity, logins }: NasCore, issuer: string) {
  const { instance, clientId, accessToken } = identity
  const audience = `agent:${instance}`
  const tokenUrl = `${issuer}/oauth/token`
  const refreshed = () => ({
    NAS_TOKEN_URL: tokenUrl,
    NAS_CLIENT_ID: clientId,
    NAS_REFRESH_TOKEN: logins.refreshToken(instance) ?? '',
  })
  return {
    ...identity,
    audience,
    tokenUrl,
    jwksUrl: `${issuer}/.well-known/jwks.json`,
    environment: ({ refresh = false } = {}) => ({
      NAS_PORTAL_URL: issuer,
      NAS_AUDIENCE: audience,
      ...(refresh ? refreshed() : { NAS_ACCESS_TOKEN: accessToken }),
    }),
  } satisfies Partial<Nas>
}

/** Makes a change of a misbehaviour count that is not looked up with each call: plans, frozen lists, the listener. */
async function enforce({ clock, misbehave, portal, relay }: NasCore, listener: Listener, name: string) {
  if (name === 'list_stale') portal.freezeLists()
  if (['hold_fires', 'fire_early', 'fire_late', 'skew'].includes(name)) relay.scheduleAll()
  if (name !== 'down') return
  const down = misbehave.look('down', { call: 'list' })
  if (down && down.amount > 0) clock.at(clock.now() + down.amount, () => misbehave.reset('down'))
  if (down?.word === 'refuse') listener.shut()
  else await listener.open()
}

function urlOf(listener: Listener, host: string): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${listener.address().port}`
}
