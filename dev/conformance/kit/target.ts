import { setTimeout as delay } from 'node:timers/promises'
import { type Incoming, listen, readIncoming } from './http.ts'
import { secret } from './login.ts'

export type Behaviour = { status?: number; body?: string; holdMs?: number; hangs?: boolean }

/** Where the actions of jobs go: a place of its own for each job, and every call kept. */
export async function createTarget(options: { publicUrl?: string; port?: number; host?: string } = {}) {
  const calls: Incoming[] = []
  const behaviours = new Map<string, Behaviour>()
  const listening = await listen((message, response) => {
    void readIncoming(message).then(async (incoming) => {
      calls.push(incoming)
      response.on('close', () => {
        if (!response.writableFinished) incoming.closedAt = Date.now()
      })
      const { status = 200, body = 'done', holdMs = 0, hangs } = behaviours.get(incoming.path) ?? {}
      if (hangs) return
      if (holdMs > 0) await delay(holdMs)
      response.writeHead(status, { 'Content-Type': 'text/plain' }).end(body)
    })
  }, options)
  const base = (options.publicUrl ?? listening.url).replace(/\/$/, '')
  return {
    calls,
    place(behaviour: Behaviour = {}): { path: string; url: string } {
      const path = `/${secret('place')}`
      behaviours.set(path, behaviour)
      return { path, url: base + path }
    },
    set: (path: string, behaviour: Behaviour) => void behaviours.set(path, behaviour),
    callsAt: (path: string) => calls.filter((it) => it.path === path),
    close: listening.close,
  }
}

export type Target = Awaited<ReturnType<typeof createTarget>>
