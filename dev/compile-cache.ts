const { NODE_COMPILE_CACHE: folder } = process.env

/**
 * For programs that get an environment of their own: where Node keeps what it has compiled, if it does that here
 * (`npm test` and `.ci/run` say so). Without it each of them strips the types of the same 200 files, and compiles them.
 */
export const compileCache: Record<string, string> = folder ? { NODE_COMPILE_CACHE: folder } : {}
