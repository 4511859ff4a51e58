import type { Authored, ListedChannel } from '../db/index.ts'
import { channelsInTexts, tellsNobody } from '../src/decisions/index.ts'
import { missingForPrompt, type PromptPlace } from '../src/actions/index.ts'
import { credentialsIn } from './credentials.ts'

/** Something that is accepted but may be a mistake. A `code` never changes. */
export type Warning = {
  code: 'CHANNEL_UNKNOWN' | 'TELLS_NOBODY' | 'CREDENTIAL_IN_JOB' | 'PROMPT_NOT_AVAILABLE'
  path: string
  message: string
}

/** Warnings to the author of a job that was saved. */
export function warningsOf(
  { project, deliver, action }: Pick<Authored, 'project' | 'deliver' | 'action'>,
  allChannels: ListedChannel[],
  place: PromptPlace,
): Warning[] {
  const channels = allChannels.filter((channel) => channel.project === project)
  const names = new Set(channels.map(({ name }) => name))
  const missing = channelsInTexts(deliver).filter((name) => !names.has(name))
  const warnings: Warning[] = missing.map((name) => ({
    code: 'CHANNEL_UNKNOWN',
    path: 'deliver',
    message: `No channel is named ${JSON.stringify(name)}. Until there is one, nothing is sent for this name. Make it with PUT /api/channels/${name}.`,
  }))
  if (tellsNobodyOf({ project, deliver }, channels))
    warnings.push({
      code: 'TELLS_NOBODY',
      path: 'deliver',
      message:
        'If this job fails, nothing is sent to anyone. Name a channel in `deliver`, or make one with "default_on": ["failure", "recovery"].',
    })
  // the short form has no field for a model server, so it is saved all the same
  for (const { path, message } of missingForPrompt(action, place))
    warnings.push({ code: 'PROMPT_NOT_AVAILABLE', path, message })
  for (const path of credentialsIn(action))
    warnings.push({
      code: 'CREDENTIAL_IN_JOB',
      path,
      message: `${path} holds a credential as it is. Store it with PUT /api/secrets/NAME and write {{secrets.NAME}} instead.`,
    })
  return warnings
}

/** A channel that is switched off is told nothing. */
export function tellsNobodyOf(
  { project, deliver }: Pick<Authored, 'project' | 'deliver'>,
  channels: ListedChannel[],
): boolean {
  const inUse = channels.filter((channel) => channel.project === project && !channel.isOff)
  return tellsNobody(deliver, inUse)
}
