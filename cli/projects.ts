import type { Context } from './context.ts'

/** The project of the call, or everything (`*`). */
export async function pauseAll(context: Context, reason: string | undefined) {
  const api = await context.api()
  const name = api.project ?? '*'
  const paused = await api.call('POST', `/api/projects/${name}/pause`, reason === undefined ? {} : { reason })
  const { paused_at: since, paused_by: by } = paused.project
  context.show(
    paused.project,
    () => `${wordOf(name)} is paused since ${since}, by ${by}. No run begins until "chronos resume --all".\n`,
  )
}

export async function resumeAll(context: Context) {
  const api = await context.api()
  const name = api.project ?? '*'
  const { project: resumed } = await api.call('POST', `/api/projects/${name}/resume`, {})
  const left = resumed.paused ? ', but everything is paused' : ''
  context.show(resumed, () => `${wordOf(name)} goes on${left}.\n`)
}

export function wordOf(name: string): string {
  return name === '*' ? 'Everything' : `Project ${name}`
}
