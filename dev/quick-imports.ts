import { registerHooks } from 'node:module'

/**
 * Preloaded (`--import`) into processes that run from source. Node 26 parses the package.json above a module again for
 * each module, to learn that it is an ES module: with the 180 KB of drizzle-orm's and its 120 modules that is 0.8 s of
 * processor time for the first list that a process answers. Here no one asks. (The built files are one module.)
 */
const drizzle = '/node_modules/drizzle-orm/'

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '' } = context
    if (!specifier.startsWith('.') || !specifier.endsWith('.js') || !parentURL.includes(drizzle))
      return next(specifier, context)
    return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true }
  },
})
