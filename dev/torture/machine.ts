import { randomUUID } from 'node:crypto'
import {
  createChannelStore,
  createProjectStore,
  createSecretStore,
  type Database,
  type Store,
} from '../../db/index.ts'
import { createProjects, type Projects } from '../../src/access/projects.ts'
import type { ActionOutcome, Actions } from '../../src/actions/index.ts'
import { createChannels } from '../../src/delivery/channels.ts'
import type { Config } from '../../src/ground/config.ts'
import { type Core, createCore } from '../../src/core.ts'
import { createEffects } from '../../src/effects.ts'
import { createHolds, type Holds } from '../../src/ground/holds.ts'
import { sealOf } from '../../src/identity.ts'
import type { DetailedLog } from '../../src/ground/log.ts'
import { createOutbound, type Outbound } from '../../src/outbound/index.ts'
import type { SendMessage } from '../../src/delivery/send.ts'
import { type CallbackAddress, createCallbackAddress } from '../../src/run/callback-address.ts'
import { createLeases } from '../../src/run/leases.ts'
import { createSecrets } from '../../src/vault/secrets.ts'
import { sleep, type Delays } from '../../src/ground/delays.ts'
import { type Life, mortal, type Steps } from './steps.ts'
import type { VirtualTime } from './time.ts'
import type { Outside } from './timers/outside.ts'

/** One process of the service: the real stories over parts that count and die; without HTTP. */
export type Machine = {
  name: string
  core: Core
  projects: Projects
  address: CallbackAddress
  holds: Holds
  life: Life
}

export type MachineNeeds = {
  name: string
  config: Config
  store: Store
  database: Database
  timer: Pick<Outside, 'connect'>
  steps: Steps
  time: VirtualTime
  /** Milliseconds by which this process' own clock is ahead. */
  clockAheadMs: number
  log: DetailedLog
  /** Told of each try to deliver that begins. */
  onSend: (deliveryId: string, life: Life) => void
  onGone: () => void
}

const bootGraceMs = 2_000
const idleExitMs = 3_000

/** Boots: everything begins as after a cold start. It goes away by itself once nothing is held, as the real one does. */
export function bootMachine(needs: MachineNeeds): Machine {
  const { config, steps, time, log } = needs
  const life = steps.born(needs.onGone)
  const holds = createHolds()
  const delays: Delays = {
    now: () => time.now() + needs.clockAheadMs,
    after: (ms, work) => time.after(ms, () => void life.awake().then(() => life.isAlive() && work())),
  }
  const store = mortal('store', needs.store, { steps, life })
  const own = [config.nas.portalUrl].filter((url) => url !== null)
  const outbound = createOutbound({ allow: ['127.0.0.0/8'], own })
  const owner = `${needs.name}:${randomUUID()}`
  const leases = createLeases({ store, owner, delays, log })
  const address = createCallbackAddress({
    keys: config.encryptionKey ? [config.encryptionKey] : [],
    callbackUrl: config.callbackUrl,
  })
  const outside = {
    ...{ config, store, ...kept(needs, life) },
    ...{ address, leases },
    now: time.now,
  }
  const effects = createEffects({ ...outside, outbound })
  // what it reads of a channel is a step of its own, so only the call itself is one
  const told = createEffects({ ...outside, outbound: stepping(outbound, { steps, life }) })
  const send: SendMessage = (target, message, signal, project) => {
    needs.onSend(message.id, life)
    return told.send(target, message, signal, project)
  }
  const core: Core = createCore({
    ...{ config, store, checkReferences: effects.checkReferences, leases },
    timer: needs.timer.connect({ config, steps, life, log }),
    actions: lastingActions(mortal('action', effects.actions, { steps, life }), delays),
    send,
    holds,
    delays,
    ...{ owner, leaving: new AbortController(), log },
  })
  const projects = createProjects({
    store: mortal(
      'projects',
      createProjectStore(needs.database, () => new Date(time.now())),
      { steps, life },
    ),
    ...{ attend: core.attend, holds, delays, log },
  })
  const machine = { name: needs.name, core, projects, address, holds, life }
  leaveWhenIdle(machine, { delays, store })
  void core.schedulers.start()
  return machine
}

/** Each call of a receiver is a step. */
function stepping(outbound: Outbound, { steps, life }: { steps: Steps; life: Life }): Outbound {
  return {
    ...outbound,
    line() {
      const line = outbound.line()
      return { ...line, fetch: (...call) => steps.make(life, 'delivery.send', () => line.fetch(...call)) }
    },
  }
}

/** The channels and secrets in the tables. */
function kept({ config, database, steps, time }: MachineNeeds, life: Life) {
  const clock = () => new Date(time.now())
  const seal = sealOf(config)
  const channels = mortal('channels', createChannelStore(database, clock), { steps, life })
  const secrets = mortal('secrets', createSecretStore(database, clock), { steps, life })
  return {
    channels: async () => createChannels({ store: channels, seal }),
    secrets: async () => createSecrets({ store: secrets, seal, onRead: () => {} }),
  }
}

/** An action whose job says `hold_ms` goes on for so long after its call was answered. */
function lastingActions(actions: Actions, delays: Delays): Actions {
  return {
    async run(job, run, signal) {
      const outcome = await actions.run(job, run, signal)
      const holdMs = Number(job.action['hold_ms'] ?? 0)
      if (holdMs === 0 || outcome.state !== 'succeeded') return outcome
      await sleep(delays, holdMs, signal)
      return signal.aborted ? stopped(signal.reason as { code: string }) : outcome
    },
  }
}

function stopped({ code }: { code: string }): ActionOutcome {
  return { state: code === 'CANCELLED' ? 'cancelled' : 'interrupted', error: { code, message: 'stopped' } }
}

/** As src/process/idle.ts does it, on virtual time and without a listener. */
function leaveWhenIdle({ core, holds, life }: Machine, { delays, store }: { delays: Delays; store: Store }) {
  const graceEndsAt = delays.now() + bootGraceMs
  let takeBack = () => {}
  const wait = () => {
    takeBack()
    takeBack = delays.after(Math.max(idleExitMs, graceEndsAt - delays.now()), () => void leave())
  }
  async function leave() {
    if (holds.count() > 0) return
    const { armsOwed } = await store.readCounts({ isNasUsed: true })
    if (armsOwed > 0 || holds.count() > 0) return wait()
    await core.drain()
    life.die()
  }
  holds.onFree(wait)
  wait()
}
