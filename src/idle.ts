import type { Server } from 'node:http'
import type { Holds } from './holds.ts'
import type { Log } from './log.ts'

type Parts = {
  /** Milliseconds with nothing held; 0: the process stays up for ever. */
  idleExitMs: number
  bootGraceMs: number
  holds: Holds
  server: Pick<Server, 'close' | 'listen' | 'address' | 'closeIdleConnections'>
  armsOwed: () => Promise<number>
  exit: () => void
  log: Log
}

/**
 * Lets the process go when nothing has been held for `idleExitMs`. Before that it closes the listener and looks
 * again: where a call came in meanwhile, or Postgres says that an arm is owed, or Postgres cannot be asked, it listens
 * on. What cannot be read counts as busy.
 */
export function createIdleExit({ idleExitMs, bootGraceMs, holds, server, armsOwed, exit, log }: Parts): void {
  if (idleExitMs === 0) return
  let timer: NodeJS.Timeout | undefined
  holds.onFree(startWaiting)
  const release = holds.take('boot')
  setTimeout(release, bootGraceMs)

  function startWaiting() {
    clearTimeout(timer)
    timer = setTimeout(() => void leave(), idleExitMs)
  }

  async function leave() {
    if (holds.count() > 0) return
    const address = server.address()
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeIdleConnections()
    })
    const owed = holds.count() > 0 ? 1 : await armsOwed().catch(() => 1)
    if (owed === 0 && holds.count() === 0) return exit()
    log.info({ owed, holds: holds.byKind() }, 'not idle after all; listening on')
    if (address && typeof address === 'object') server.listen({ host: address.address, port: address.port })
    if (holds.count() === 0) startWaiting()
  }
}
