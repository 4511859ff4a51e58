import type { Logs } from './logs.ts'
import type { Sink, SinkOwner } from './sink.ts'

/**
 * A sink that loads what keeps logs with the first chunk: most processes live for one fire, whose action may write
 * nothing. A chunk may be changed by its owner once `write` has returned.
 */
export function lazySink(load: () => Promise<Pick<Logs, 'open'>>, owner: SinkOwner): Sink {
  let sink: Promise<Sink> | null = null
  return {
    write(chunk) {
      sink ??= load().then((logs) => logs.open(owner))
      const own = typeof chunk === 'string' ? chunk : Uint8Array.from(chunk)
      void sink.then(({ write }) => write(own))
    },
    async end() {
      await (await sink)?.end()
    },
  }
}
