import { setTimeout as sleep } from 'node:timers/promises'
import type { LoginStore, Renewed } from './login-store.ts'

type LoginSaverNeeds = {
  store: LoginStore
  log: Log
  /** Keeps this process up until the returned function is called. */
  hold?: (() => () => void) | undefined
}
type Log = { warn(fields: object, message: string): void; error(fields: object, message: string): void }

/**
 * Stores new tokens, however long it takes: the refresh token among them is the only one that is good, and exists
 * in this process alone until it is stored.
 */
export function createLoginSaver({ store, log, hold = () => () => {} }: LoginSaverNeeds) {
  let unsaved: Renewed | null = null
  let release = () => {}

  /**
   * `saved` · `overtaken`: another chain of tokens stands in the store by now, and counts · `later`: the store is out
   * of reach, and tried on in the background; `overtakenLater` is called if that happens.
   */
  async function save(
    renewed: Renewed,
    overtakenLater: () => void,
  ): Promise<'saved' | 'overtaken' | 'later'> {
    unsaved = renewed
    release()
    release = hold()
    try {
      return await tryOnce(renewed)
    } catch (error) {
      log.error(
        { err: error },
        'the new refresh token could not be stored; if this process dies, the login is lost',
      )
      void tryOn(renewed, overtakenLater)
      return 'later'
    }
  }

  async function tryOnce(renewed: Renewed): Promise<'saved' | 'overtaken'> {
    const isSaved = await store.save(renewed)
    unsaved = null
    release()
    if (isSaved) return 'saved'
    log.warn({}, 'another login was stored while this one was renewed; the stored one is used')
    return 'overtaken'
  }

  async function tryOn(renewed: Renewed, overtakenLater: () => void): Promise<void> {
    for (let round = 0; unsaved === renewed; round += 1) {
      await sleep(pollMs(round))
      const result = await tryOnce(renewed).catch(() => null)
      if (result === 'overtaken') overtakenLater()
    }
  }

  return { save, isUnsaved: () => unsaved !== null }
}

/** Between looks at the store: 40 ms at first, 800 ms in the end, and up to as much again by chance. */
export function pollMs(round: number): number {
  return Math.min(40 * 2 ** round, 800) * (1 + Math.random())
}
