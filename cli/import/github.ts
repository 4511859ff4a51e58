import { parse } from 'yaml'
import type { Json } from '../api.ts'
import type { Imported } from './imported.ts'

type Schedule = { cron?: unknown; timezone?: unknown }

/** `on.schedule` of a workflow of GitHub Actions: the run of a job starts the workflow by GitHub's API. */
export function importGithub(
  text: string,
  { file, repo }: { file: string; repo: string | undefined },
): Imported[] {
  const workflow: Json = parse(text)
  const on: Json = workflow?.on
  const given = (Array.isArray(on?.schedule) ? on.schedule : []) as Schedule[]
  // GitHub's own zone, unless it is named
  const zones = new Map<string, string[]>()
  for (const { cron, timezone } of given) {
    const zone = typeof timezone === 'string' ? timezone : 'UTC'
    if (typeof cron === 'string')
      zones.set(zone, [...(zones.get(zone) ?? []), cron.trim().replaceAll(/\s+/g, ' ')])
  }
  return [...zones].map(([timezone, crons]) => {
    return {
      place: `${file}: cron ${crons.join('; ')}`,
      name: String(workflow.name ?? file.replace(/\.ya?ml$/, '')),
      job: {
        schedule: crons.length === 1 ? crons[0] : crons,
        timezone,
        action: {
          type: 'http',
          url: `https://api.github.com/repos/${repo ?? 'OWNER/REPOSITORY'}/actions/workflows/${file === '-' ? 'WORKFLOW.yml' : file}/dispatches`,
          headers: {
            authorization: 'Bearer {{secrets.GITHUB_TOKEN}}',
            accept: 'application/vnd.github+json',
          },
          body: { ref: 'main' },
        },
      },
      notes: [
        'The run starts the workflow and does not wait for it. Store GITHUB_TOKEN as a secret; if the branch is not main, write it into `ref`.',
        ...dispatchNotes(on),
        ...eventNotes(workflow),
        ...(repo ? [] : ['Write the repository into the URL (or import with --repo).']),
      ],
    }
  })
}

function dispatchNotes(on: Json): string[] {
  if (!('workflow_dispatch' in on))
    return ['Add `workflow_dispatch:` to `on` of the workflow, and remove its `schedule`.']
  const inputs = Object.entries((on.workflow_dispatch?.inputs ?? {}) as Record<string, Json>)
  const needed = inputs.filter(([, one]) => one?.required === true && one.default === undefined)
  return [
    'Remove `schedule` from `on` of the workflow.',
    ...(needed.length > 0
      ? [`It needs inputs: write ${needed.map(([name]) => name).join(', ')} into \`inputs\` of the body.`]
      : []),
  ]
}

/** A workflow that asks what has started it finds `workflow_dispatch`. Comments ask nothing. */
function eventNotes(workflow: Json): string[] {
  const texts = textsIn(workflow)
  const asks = [
    ...(texts.some((text) => /github\.event\.schedule\b/.test(text))
      ? ['github.event.schedule, which is empty then']
      : []),
    ...(texts.some((text) => eventForm.test(text) && /\b(?:schedule|workflow_dispatch)\b/.test(text))
      ? ['github.event_name, which is workflow_dispatch then']
      : []),
  ]
  return asks.length > 0 ? [`The workflow asks for ${asks.join(', and for ')}.`] : []
}

const eventForm = /\bgithub\.event_name\b|\bGITHUB_EVENT_NAME\b/

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
