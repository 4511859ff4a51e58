import { createControl, isControl } from './control.ts'
import { firesOf, loginsOf, mannersOf, timeOf, viewOf } from './face.ts'
import { type Handle, type Listener, listen } from './http.ts'
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
  // Who calls before it is ready waits: its address, which it signs with, is known once it listens.
  const ready = Promise.withResolvers<{ routes: Handle; control: Handle }>()
  const control: Handle = async (...call) => (await ready.promise).control(...call)
  const routes: Handle = async (...call) => (await ready.promise).routes(...call)
  const handle: Handle = (request, response) => (isControl(request) ? control : routes)(request, response)
  const portal = await listen({ host, port, handle })
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
  const core = await createNasCore(options, issuer).catch(async (error: unknown) => {
    await second?.close()
    return closePortal(error)
  })
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
  core.ticker.scheduleAll()
  core.save()
  const firewall = options.firewall ?? true
  ready.resolve({ routes: createRoutes(core, { firewall }), control: createControl(nas) })
  return nas
}

function namesOf({ identity, credentials }: NasCore, issuer: string) {
  const { instance, clientId, accessToken } = identity
  const audience = `agent:${instance}`
  const tokenUrl = `${issuer}/oauth/token`
  const refreshed = () => ({
    NAS_TOKEN_URL: tokenUrl,
    NAS_CLIENT_ID: clientId,
    NAS_REFRESH_TOKEN: credentials.newest(instance) ?? '',
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
async function enforce(core: NasCore, listener: Listener, name: string) {
  const { clock, misbehave, ticker } = core
  if (name === 'list_stale') await core.freezeLists()
  if (['hold_fires', 'fire_early', 'fire_late', 'skew'].includes(name)) ticker.scheduleAll()
  if (name !== 'down') return
  const down = misbehave.look('down', { call: 'list' })
  if (down && down.amount > 0) clock.at(clock.now() + down.amount, () => misbehave.reset('down'))
  if (down?.word === 'refuse') listener.shut()
  else await listener.open()
}

function urlOf(listener: Listener, host: string): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${listener.address().port}`
}
