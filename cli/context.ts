import { type Api, createApi } from './api.ts'
import type { Io } from './io.ts'
import { profileOf, type Wished } from './profile.ts'
import { harmless, jsonOf, painterOf } from './show.ts'

/** What every command is given. */
export type Context = {
  io: Io
  paint: ReturnType<typeof painterOf>
  /** The login and the project that the command line names. */
  wished: Wished
  /** `--json`: people do not read it. */
  isForPrograms: boolean
  /** The service of the profile. @throws Stop: there is no login */
  api(): Promise<Api>
  /** Shows `value` to programs (`--json`), or `text` to people. */
  show(value: unknown, text: () => string): void
  /** Shows text that people see as it comes. */
  say(text: string): void
}

export type GlobalOptions = { profile?: string; project?: string; json?: boolean }

export function contextOf(io: Io, { profile, project, json = false }: GlobalOptions): Context {
  const wished = { profile, project }
  const say = (text: string) => io.out(harmless(text, io))
  return {
    ...{ io, wished, say, paint: painterOf(io), isForPrograms: json },
    api: async () => createApi(await profileOf(io, wished), io),
    show: (value, text) => (json ? io.out(jsonOf(value)) : say(text())),
  }
}
