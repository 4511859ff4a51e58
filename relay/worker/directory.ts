import { DurableObject } from 'cloudflare:workers'
import type { SigningKey } from '../core/index.ts'
import type { Directory, Env, KeptKeys } from './runtime.ts'

/** The one object of its kind: the signing keys, and the names of all agents. Asked rarely: isolates remember the keys. */
export class DirectoryObject extends DurableObject<Env> implements Directory {
  readKeys(): KeptKeys {
    const kept = this.ctx.storage.kv.get('keys') as KeptKeys | undefined
    return kept ?? { version: 0, keys: [] }
  }

  replaceKeys(version: number, keys: SigningKey[]): boolean {
    if (this.readKeys().version !== version) return false
    this.ctx.storage.kv.put('keys', { version: version + 1, keys } satisfies KeptKeys)
    return true
  }

  addAgent(agentId: string): void {
    this.ctx.storage.kv.put(`agent:${agentId}`, true)
  }

  removeAgent(agentId: string): void {
    this.ctx.storage.kv.delete(`agent:${agentId}`)
  }

  agentIds(): string[] {
    return Array.from(this.ctx.storage.kv.list({ prefix: 'agent:' }), ([key]) => key.slice('agent:'.length))
  }
}
