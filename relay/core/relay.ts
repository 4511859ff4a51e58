import { createAdmin } from './admin.ts'
import { createAgentCron } from './agent-cron.ts'
import { type Answer, type Ask, json, refusal } from './answer.ts'
import { createBudgets } from './budget.ts'
import { createGrant } from './grant.ts'
import { jwksMaxAgeS } from './keys.ts'
import type { Keyring } from './sender.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'

type Route = (ask: Ask, agentId?: string) => Promise<Answer>
type RelayNeeds = { store: Store; settings: Settings; keyring: Keyring; now?: () => number }

/**
 * A timer service by the contract of docs/contract.md, over whatever keeps its rows: takes a request, gives the answer.
 * Sending due fires is the host's part (`begun`, `createSender`, `settled`).
 */
export function createRelay({ store, settings, keyring, now = Date.now }: RelayNeeds) {
  const budgets = createBudgets()
  const routes: Record<string, Route> = {
    ...createAgentCron({ store, settings, budgets, now }),
    ...createGrant({ store, now }),
    ...createAdmin({ store, settings, budgets, keyring, now }),
    async 'GET /.well-known/jwks.json'() {
      const headers = { 'cache-control': `public, max-age=${jwksMaxAgeS}` }
      return json(200, await keyring.jwks(), headers)
    },
    'GET /healthz': () => Promise.resolve(json(200, { ok: true })),
  }
  const methodsOf = (path: string) =>
    Object.keys(routes).flatMap((name) => (name.endsWith(` ${path}`) ? [name.split(' ')[0] ?? ''] : []))

  return async (ask: Ask): Promise<Answer> => {
    const { pathname } = new URL(ask.url)
    const [, agentId, rest = ''] = /^\/agents\/([^/]+)(\/.*)?$/.exec(pathname) ?? []
    const path = agentId === undefined ? pathname : `/agents/:id${rest}`
    const method = ask.method === 'HEAD' ? 'GET' : ask.method
    const route = routes[`${method} ${path}`]
    if (route) return route(ask, agentId)
    const allow = methodsOf(path)
    if (allow.length === 0) return refusal(404, 'not_found', `There is nothing at ${path}.`)
    return refusal(405, 'method_not_allowed', `Use ${allow.join(' or ')}.`, { allow: allow.join(', ') })
  }
}
