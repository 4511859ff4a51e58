import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createAddressRules, usualQuota } from '../../relay/core/index.ts'
import { createLog } from '../../relay/node/log.ts'
import { startRelay } from '../../relay/node/start.ts'
import { callRelay } from '../relay/client.ts'

export type DemoRelay = {
  /** Registers the service that is called at `callbackUrl`; the variables by which it is known here. */
  register(callbackUrl: string): Promise<Record<string, string>>
  close(): Promise<void>
}

/** The relay that people deploy, in this process, with its log told to `print`. */
export async function startDemoRelay(folder: string, print: (line: string) => void): Promise<DemoRelay> {
  const adminSecret = randomBytes(24).toString('hex')
  const relay = await startRelay({
    file: join(folder, 'relay.db'),
    host: '127.0.0.1',
    port: 0,
    issuer: null,
    adminSecret,
    rules: createAddressRules(['127.0.0.0/8']),
    quota: usualQuota,
    log: createLog('debug', print),
  })
  return {
    async register(callbackUrl) {
      const { status, body } = await callRelay(`${relay.url}/agents`, {
        token: adminSecret,
        json: { agent_id: 'demo', callback_urls: [callbackUrl] },
      })
      if (status !== 201) throw new Error(`the relay answered ${status}: ${JSON.stringify(body)}`)
      return body['environment'] as Record<string, string>
    },
    close: () => relay.close(),
  }
}
