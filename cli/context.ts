import { type Api, createApi } from './api.ts'
import type { Io } from './io.ts'
import { profileOf } from './profile.ts'
import { harmless, jsonOf, painterOf } from './show.ts'

/** What every command is given. */
export type Context = {
  io: Io
  paint: ReturnType<typeof painterOf>
  /** The service of the profile. @throws Stop: there is no login */
  api(): Promise<Api>
  /** Shows `value` to programs (`--json`), or `text` to people. */
  show(value: unknown, text: () => string): void
}

export type GlobalOptions = { profile?: string; json?: boolean }

export function contextOf(io: Io, { profile, json = false }: GlobalOptions): Context {
  return {
    io,
    paint: painterOf(io),
    api: async () => createApi(await profileOf(io, profile), io),
    show: (value, text) => io.out(json ? jsonOf(value) : harmless(text(), io)),
  }
}
