import type { FastifyInstance } from 'fastify'
import { registerAll } from '../../routes/all.ts'
import type { RouteNeeds } from '../../routes/index.ts'

/** What the routes are configured with, where a test says nothing else of it. */
export const routesConfig: RouteNeeds['config'] = {
  ...{ timezone: 'UTC', metricsHere: true, version: '1.2.3', rateLimitPerMinute: 0, isOnFly: false },
  production: false,
  ...{ corsOrigins: [], prompt: { baseUrl: null, model: null } },
}

type Given = { config?: Partial<RouteNeeds['config']> } & {
  [part in Exclude<keyof RouteNeeds, 'config'>]?: unknown
}

/** The routes alone on `app`, with as many of their parts as the test needs: whoever reaches for another finds nothing. */
export function onlyRoutes(app: FastifyInstance, { config, ...parts }: Given = {}): void {
  const whole = { hold: () => () => {}, ...parts, config: { ...routesConfig, ...config } }
  registerAll(app, whole as unknown as RouteNeeds)
}
