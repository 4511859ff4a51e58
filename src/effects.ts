import type { Store } from '../db/index.ts'
import { type Actions, type AttemptLog, createActions } from './actions/index.ts'
import type { ActionJob, ActionRun } from './actions/index.ts'
import type { CallbackAddress } from './run/callback-address.ts'
import { AppError } from './ground/errors.ts'
import { type Config, secretsOf } from './ground/config.ts'
import type { Sent } from './decisions/index.ts'
import type { SendMessage } from './delivery/send.ts'
import type { Outbound } from './outbound/index.ts'
import type { CheckReferences, ReferencesOf } from './jobs/input.ts'
import type { Leases } from './run/leases.ts'
import type { Channels } from './delivery/channels.ts'
import type { Secrets } from './vault/secrets.ts'
import { inProject, nameIn } from './ground/project.ts'
import { userAgent } from './ground/version.ts'

/** What a run calls outside and its receivers: everything that a user can point somewhere. Loaded on first use. */
export type Effects = {
  actions: Actions
  /** The same, of attempts that are not stored: they write their log there, and cannot be reported of later. */
  actionsWith: (log: AttemptLog) => Actions
  send: SendMessage
  checkReferences: CheckReferences
  referencesOf: ReferencesOf
}

type EffectsNeeds = {
  config: Config
  store: Store
  outbound: Outbound
  secrets: () => Promise<Secrets>
  channels: () => Promise<Channels>
  openLog?: (job: ActionJob, run: ActionRun) => AttemptLog
  address: Pick<CallbackAddress, 'url'>
  leases: Pick<Leases, 'isHeld'>
  /** Resolves when the fire that this process was started for is answered, or soon after. */
  untilCalm?: () => Promise<void>
  now: () => number
  /** Told each secret that is used, for the log. */
  note?: (secret: string) => void
  /** Of the attempt that is being made; null: nothing is traced. */
  traceparent?: () => string | null
  /** Told each try of a message; `type`: of its receiver. */
  sent?: (type: string, outcome: Sent['state']) => void
}

export function createEffects(needs: EffectsNeeds): Effects {
  const { config, store, outbound } = needs
  const secret = async (name: string, project: string) => {
    const stored = nameIn(project, name)
    return (await (await needs.secrets()).read([stored])).get(stored) ?? ''
  }

  const usual = {
    ...{ userAgent, outbound, secret },
    settings: {
      prompt: config.prompt,
      commands: config.commands && { ...config.commands, ...config.commandLimits },
    },
    protect: secretsOf(config),
    ...(needs.untilCalm && { untilCalm: needs.untilCalm }),
    lastOutput: store.lastOutput,
    ...(needs.traceparent && { traceparent: needs.traceparent }),
  }
  const actions = createActions({
    ...usual,
    ...(needs.openLog && { openLog: needs.openLog }),
    isHeld: needs.leases.isHeld,
    callbackUrl: (job, { id, fence }, deadlineMs) =>
      needs.address.url({ jobId: job.id, runId: id, fence, until: needs.now() + deadlineMs }),
  })

  const actionsWith = (log: AttemptLog) =>
    createActions({
      ...usual,
      openLog: () => log,
      callbackUrl() {
        const message =
          'A try is not stored, so nothing can be reported of it later. Save the job and run it.'
        throw new AppError('CALLBACK_UNAVAILABLE', message)
      },
    })

  const send: SendMessage = async (given, message, signal, project) => {
    const target = given.channel === undefined ? given : { ...given, channel: nameIn(project, given.channel) }
    const [{ createSender }, { refusalOf }, channels] = await Promise.all([
      import('./delivery/senders/index.ts'),
      import('./delivery/channels.ts'),
      needs.channels(),
    ])
    const found = await channels.resolve(target, (name) => secret(name, project)).catch(refusalOf)
    if ('state' in found) {
      needs.sent?.('unknown', found.state)
      return found
    }
    const delivered = await createSender({
      outbound,
      userAgent,
      always: secretsOf(config),
      ...(needs.note && { note: needs.note }),
    }).send(found, message, signal)
    if (delivered.state === 'disabled' && target.channel !== undefined)
      await channels.disable(target.channel, delivered.error.message)
    needs.sent?.(found.type, delivered.state)
    return delivered
  }

  return {
    ...{ actions, actionsWith, send, referencesOf },
    checkReferences: async (job, project) => (await referencesOf([job], { project, made: [] }))(job),
  }

  async function referencesOf(...[jobs, { project, made }]: Parameters<ReferencesOf>) {
    const references = await import('./jobs/references.ts')
    return references.referencesOf(jobs, made, {
      secrets: async () => inProject(await needs.secrets(), project),
      channels: async () => inProject(await needs.channels(), project),
      ...{ areCommandsOn: config.commands !== null, refusalOf: outbound.refusalOf },
    })
  }
}
