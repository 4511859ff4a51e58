import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { agentOf, callRelay } from '../../dev/relay/client.ts'
import { type Reaction, startHook } from '../../dev/relay/hook.ts'
import { adminSecret } from '../../dev/relay/process.ts'
import { createAddressRules, usualQuota } from '../../relay/core/index.ts'
import { createLog } from '../../relay/node/log.ts'
import { type RelayOptions, startRelay } from '../../relay/node/start.ts'

type React = Parameters<typeof startHook>[0]

export const taken: Reaction = { status: 202 }

/** A file for a relay, deleted after the test. */
export async function relayFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-test-'))
  t.after(() => rm(folder, { recursive: true }))
  return join(folder, 'relay.db')
}

/** A relay in this process, with its owner's calls. */
export async function setup(t: TestContext, options: Partial<RelayOptions> = {}) {
  const lines: string[] = []
  const relay = await startRelay({
    file: options.file ?? (await relayFile(t)),
    host: '127.0.0.1',
    port: 0,
    issuer: null,
    adminSecret,
    rules: createAddressRules(['127.0.0.0/8']),
    quota: usualQuota,
    log: createLog('debug', (line) => lines.push(line)),
    ...options,
  })
  let isOpen = true
  const close = async () => {
    if (isOpen) await relay.close()
    isOpen = false
  }
  t.after(close)
  const own = (method: string, path: string, json?: unknown) =>
    callRelay(`${relay.url}${path}`, { method, token: adminSecret, ...(json !== undefined && { json }) })
  return {
    url: relay.url,
    lines,
    close,
    own,
    /** A new agent for this callback URL. */
    async agent(callbackUrl: string, more: Record<string, unknown> = {}) {
      const made = await own('POST', '/agents', { callback_urls: [callbackUrl], ...more })
      assert.equal(made.status, 201, JSON.stringify(made.body))
      const id = String(made.body['agent_id'])
      return {
        id,
        made: made.body,
        ...agentOf({ url: relay.url, token: String(made.body['token']), callbackUrl }),
      }
    },
  }
}

export async function hook(t: TestContext, react?: React) {
  const started = await startHook(react)
  t.after(started.close)
  return started
}
