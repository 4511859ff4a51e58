/** What an attempt writes while it runs. `end` resolves once what was written is kept. */
export type AttemptLog = { write(chunk: string | Uint8Array): void; end(): Promise<void> }
