import { existsSync, readdirSync } from 'node:fs'

/** By name of handler, how its module is loaded. */
export type Modules = ReadonlyMap<string, () => Promise<unknown>>

/** Every file in `handlers/`, by its name. The bundle has this list, and the files, instead of this module. */
export const modules: Modules = modulesIn(new URL('../../handlers/', import.meta.url))

/** The TypeScript files right in this folder (not in folders below, which are for shared code). None is loaded yet. */
function modulesIn(folder: URL): Modules {
  const files = existsSync(folder) ? readdirSync(folder) : []
  return new Map(
    files
      .filter((file) => file.endsWith('.ts'))
      .toSorted()
      .map((file) => [file.slice(0, -'.ts'.length), () => import(new URL(file, folder).href)]),
  )
}
