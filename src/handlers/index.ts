import type { Handler } from './define.ts'
import { type Modules, modules } from './found.ts'

export { defineHandler, type Handler, type HandlerContext } from './define.ts'

/** The functions that a job can name. */
export type Handlers = {
  names(): string[]
  /**
   * Loads it at its first use; null: there is none of this name.
   *
   * @throws whatever its module throws as it is loaded; TypeError: the module does not have the right default export
   */
  load(name: string): Promise<Handler | null>
}

/** Those of the folder `handlers/`. */
export const handlers: Handlers = handlersOf(modules)

/** @internal Exported for tests, which bring handlers of their own. */
export function handlersOf(found: Modules): Handlers {
  return {
    names: () => [...found.keys()],
    async load(name) {
      const load = found.get(name)
      if (!load) return null
      const loaded: unknown = await load()
      const handler: unknown = Reflect.get(Object(loaded), 'default')
      if (isHandler(handler)) return handler
      throw new TypeError(`handlers/${name}.ts has no default export that defineHandler made`)
    },
  }
}

function isHandler(value: unknown): value is Handler {
  if (typeof value !== 'object' || value === null || !('input' in value) || !('run' in value)) return false
  return typeof value.run === 'function' && typeof value.input === 'object'
}
