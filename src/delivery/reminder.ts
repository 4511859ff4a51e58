import type { ChannelStore } from '../../db/index.ts'

const reminder =
  'No default channel receives failures, so the failure of a job without `deliver` is reported to no one. Create one with PUT /api/channels/{name} and "default_on": ["failure", "recovery"].'

/** Says so if failures would reach no one. Never rejects: what reminds stands in the way of nothing. */
export async function remindOfFailures(
  channels: Pick<ChannelStore, 'hearsOfFailures'>,
  say: (line: string) => void,
): Promise<void> {
  if (!(await channels.hearsOfFailures().catch(() => true))) say(reminder)
}
