/** The part of workerd's own module that is used here (https://developers.cloudflare.com/durable-objects/api/). */
declare module 'cloudflare:workers' {
  /** What workerd hands to a Durable Object with SQLite storage: as much of it as is used. */
  type State = {
    readonly id: { readonly name?: string }
    readonly storage: {
      /** Answers of the object wait until what was written before is durable (output gates). */
      readonly kv: {
        get(key: string): unknown
        put(key: string, value: unknown): void
        delete(key: string): boolean
        list(options: { prefix: string }): Iterable<[string, unknown]>
      }
      /** Calls `alarm()` at that instant, again if it throws. One per object: a later call replaces it. */
      setAlarm(atMs: number): Promise<void>
      /** Deletes the alarm too. */
      deleteAll(): Promise<void>
      /** Resolves when all that was written is durable. */
      sync(): Promise<void>
    }
  }

  export abstract class DurableObject<Env> {
    protected readonly ctx: State
    protected readonly env: Env
    constructor(ctx: State, env: Env)
  }
}
