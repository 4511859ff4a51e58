import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import type { Api, Json } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, Stop } from './io.ts'
import { readJobsFile } from './jobs-file.ts'
import { jsonOf } from './show.ts'

type PlanWish = { prune?: boolean; exitCode?: boolean }

export async function planFile(context: Context, file: string | undefined, { prune, exitCode }: PlanWish) {
  const api = await context.api()
  const plan = await askPlan(api, await readJobsFile(context.io, file), prune ?? false)
  context.show(plan, () => planText(plan, context))
  if (exitCode && changesOf(plan).length > 0) throw new Stop('', exitCodes.differs)
}

function askPlan(api: Api, file: Json, prunes: boolean): Promise<Json> {
  return api.call('POST', `/api/plan${prunes ? '?prune=true' : ''}`, file)
}

type ApplyWish = { prune?: boolean; yes?: boolean; plan?: string }

/** Shows the plan and asks, unless it is told not to. Whatever changes meanwhile, the plan that was shown is applied, or none. */
export async function applyFile(
  context: Context,
  file: string | undefined,
  { prune = false, yes = false, plan: agreed }: ApplyWish,
) {
  const { io } = context
  const api = await context.api()
  const body = await readJobsFile(io, file)
  const hash = agreed ?? (await agreement(context, api, body, { prune, yes }))
  if (hash === null) return
  const query = new URLSearchParams({ plan: hash, ...(prune && { prune: 'true' }) })
  const applied = await api.call('POST', `/api/apply?${query}`, body)
  context.show(applied, () => `${countsText(applied, ['made', 'changed', 'removed'])}\n`)
}

async function agreement(
  context: Context,
  api: Api,
  body: Json,
  { prune, yes }: { prune: boolean; yes: boolean },
): Promise<string | null> {
  const { io } = context
  const plan = await askPlan(api, body, prune)
  if (changesOf(plan).length === 0) {
    context.show(plan, () => 'Nothing to do: the jobs are as the file says.\n')
    return null
  }
  io.err(planText(plan, context))
  if (yes) return plan.plan
  if (!io.ask)
    throw new Stop(
      'Nothing is applied without a person to ask. Add --yes, or --plan with the plan that was agreed to.',
      exitCodes.usage,
    )
  const answer = await io.ask('Apply this? [y/N] ', false)
  if (!/^y(es)?$/i.test(answer.trim())) throw new Stop('Nothing was applied.')
  return plan.plan
}

/** Of channels and of jobs, channels first: jobs name them. */
function changesOf({ channels, changes }: Json): Json[] {
  return [...channels.map((one: Json) => ({ ...one, key: `channel ${one.name}` })), ...changes]
}

function planText(plan: Json, { paint }: Pick<Context, 'paint'>): string {
  const changes = changesOf(plan)
  if (changes.length === 0) return 'Nothing to do: the jobs are as the file says.\n'
  const signs = { make: paint('green', '+'), change: paint('yellow', '~'), remove: paint('red', '-') }
  const lines = changes.flatMap((change) => [
    `${signs[change.what as keyof typeof signs]} ${paint('bold', change.key)}`,
    ...(change.what === 'remove' ? [] : change.changed.map((one: Json) => `    ${fieldText(one)}`)),
    ...instantsText(change),
  ])
  return `${lines.join('\n')}\n\n${countsText(plan, ['to make', 'to change', 'to remove'])}\n`
}

function fieldText({ field, before, after }: Json): string {
  if (before === null) return `${field}: ${JSON.stringify(after)}`
  if (after === null) return `${field}: ${JSON.stringify(before)} → (default)`
  return `${field}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`
}

function instantsText({ next }: Json): string[] {
  if (!next) return []
  const before = next.before.map((one: Json) => one.local).join(', ')
  const after = next.after.map((one: Json) => one.local).join(', ')
  if (before === after) return []
  return [...(before ? [`    due before: ${before}`] : []), `    due after:  ${after || 'never'}`]
}

function countsText({ made, changed, removed, kept, channels }: Json, words: string[]): string {
  const jobs = textOf({ make: made, change: changed, remove: removed }, words)
  const text = `${jobs}, ${kept} as they are`
  if (channels.length === 0) return text
  const count = (what: string) => channels.filter((one: Json) => one.what === what).length
  const of = { make: count('make'), change: count('change'), remove: count('remove') }
  return `jobs: ${text}\nchannels: ${textOf(of, words)}`
}

function textOf(
  { make, change, remove }: { make: number; change: number; remove: number },
  [makes, changes, removes]: string[],
): string {
  return `${make} ${makes}, ${change} ${changes}, ${remove} ${removes}`
}

export async function exportFile(context: Context, { owner, output }: { owner?: string; output?: string }) {
  const api = await context.api()
  const {
    file,
    without_key: unkeyed,
    channels_left_out: leftOut,
  } = await api.call('GET', `/api/export${owner ? `?owner=${encodeURIComponent(owner)}` : ''}`)
  const isJson = output?.endsWith('.json') ?? context.isForPrograms
  const text = isJson ? jsonOf(file) : yamlOf(file, api.url)
  if (output === undefined) context.io.out(text)
  else await writeFile(output, text)
  if (unkeyed > 0) context.io.err(`${unkeyed} jobs have no key and are not in the file.\n`)
  if (leftOut.length > 0)
    context.io.err(
      `The secrets of these channels are written out, so they are not in the file: ${leftOut.join(', ')}.\n`,
    )
}

function yamlOf(file: Json, url: string): string {
  return `# yaml-language-server: $schema=${url}/chronos.schema.json\n${stringify(file, { lineWidth: 0 })}`
}
