import { createChannelStore, createSecretStore, type Database, type LogStore } from '../db/index.ts'
import type { Logs } from './attempt-logs/logs.ts'
import type { Channels } from './delivery/channels.ts'
import type { Config } from './ground/config.ts'
import { realDelays as delays } from './ground/delays.ts'
import { sealOf } from './identity.ts'
import type { Outbound } from './outbound/index.ts'
import type { GrowingRedactor } from './redact/index.ts'
import type { SealCheck } from './vault/seal-check.ts'
import type { Secrets } from './vault/secrets.ts'

type LateNeeds = {
  config: Config
  database: Database
  clock: () => Date | null
  logStore: LogStore
  sealCheck: SealCheck
  /** Told each secret that is read. */
  known: GrowingRedactor
  outbound: Outbound
  isDraining: () => boolean
}

/** Parts that most fires do without: each is loaded at its first use. */
export type Late = {
  secrets: () => Promise<Secrets>
  channels: () => Promise<Channels>
  logs: () => Promise<Logs>
}

export function createLate(needs: LateNeeds): Late {
  const { config, database, clock, logStore, sealCheck, known, outbound, isDraining } = needs
  const secrets = async () => {
    const { createSecrets } = await import('./vault/secrets.ts')
    return createSecrets({
      store: createSecretStore(database, clock),
      ...{ seal: sealOf(config), expectKey: sealCheck.expect },
      onRead: known.note,
    })
  }
  const channels = async () => {
    const { createChannels } = await import('./delivery/channels.ts')
    return createChannels({
      store: createChannelStore(database, clock),
      ...{ seal: sealOf(config), expectKey: sealCheck.expect, refusalOf: outbound.refusalOf },
    })
  }
  let loadedLogs: Promise<Logs> | undefined
  const logs = () => {
    loadedLogs ??= import('./attempt-logs/logs.ts').then(({ createLogs }) =>
      createLogs({ store: logStore, delays, isDraining }),
    )
    return loadedLogs
  }

  return { secrets, channels, logs }
}
