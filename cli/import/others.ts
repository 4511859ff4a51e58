import { parse, parseAllDocuments } from 'yaml'
import type { Json } from '../api.ts'
import type { Imported } from './imported.ts'

/** `on.schedule` of a workflow of GitHub Actions: the run of a job starts the workflow by GitHub's API. */
export function importGithub(
  text: string,
  { file, repo }: { file: string; repo: string | undefined },
): Imported[] {
  const workflow: Json = parse(text)
  const { on } = workflow
  const isStartable = on !== null && typeof on === 'object' && 'workflow_dispatch' in on
  return ((on?.schedule ?? []) as { cron: string; timezone?: string }[]).map(({ cron, timezone }) => ({
    place: `${file}: cron ${cron}`,
    name: String(workflow.name ?? file),
    job: {
      schedule: cron,
      timezone: timezone ?? 'UTC',
      action: {
        type: 'http',
        url: `https://api.github.com/repos/${repo ?? 'OWNER/REPOSITORY'}/actions/workflows/${file}/dispatches`,
        headers: { authorization: 'Bearer {{secrets.GITHUB_TOKEN}}', accept: 'application/vnd.github+json' },
        body: { ref: 'main' },
      },
    },
    notes: [
      'The run starts the workflow and does not wait for it. Store GITHUB_TOKEN as a secret.',
      ...(isStartable
        ? []
        : ['Add `workflow_dispatch:` to `on` of the workflow, and remove its `schedule`.']),
      ...(repo ? [] : ['Write the repository into the URL (or import with --repo).']),
    ],
  }))
}

/** `crons` of vercel.json. */
export function importVercel(text: string, { url }: { url: string | undefined }): Imported[] {
  const { crons = [] } = JSON.parse(text) as { crons?: { path: string; schedule: string }[] }
  return crons.map(({ path, schedule }) => ({
    place: `cron ${path} ${schedule}`,
    name: path.replace(/^\/(api\/)?/, '') || 'root',
    job: {
      schedule,
      timezone: 'UTC',
      action: {
        type: 'http',
        method: 'GET',
        url: `${url?.replace(/\/+$/, '') ?? 'https://YOUR-APP.example'}${path}`,
        headers: { authorization: 'Bearer {{secrets.CRON_SECRET}}' },
      },
    },
    notes: [
      'Store CRON_SECRET as a secret, or remove the header.',
      ...(url ? [] : ['Write your own address into the URL (or import with --url).']),
    ],
  }))
}

const overlaps: Record<string, string> = { Allow: 'allow', Forbid: 'skip', Replace: 'cancel_running' }

/** CronJobs of Kubernetes, of any number of documents. */
export function importKubernetes(text: string): Imported[] {
  const documents: Json[] = parseAllDocuments(text).map((document) => document.toJS())
  const items: Json[] = documents.flatMap((one) => (one?.kind === 'List' ? one.items : [one]))
  return items.filter((one) => one?.kind === 'CronJob').map(cronJobOf)
}

function cronJobOf({ metadata, spec }: Json): Imported {
  const template = spec.jobTemplate?.spec ?? {}
  const containers = (template.template?.spec?.containers ?? []) as Json[]
  const [container = {}] = containers
  const [command, ...more] = [...(container.command ?? []), ...(container.args ?? [])] as string[]
  const place = `CronJob ${metadata.name}`
  const env = (container.env ?? []) as Json[]
  const plain = env.filter(({ value }) => value !== undefined)
  const hidden = env.filter(({ valueFrom }) => valueFrom !== undefined).map(({ name }) => String(name))
  if (command === undefined)
    return {
      place,
      name: metadata.name,
      job: null,
      notes: [`Its image ${container.image} says what runs; write its command.`],
    }
  return {
    place,
    name: metadata.name,
    job: {
      schedule: spec.schedule,
      // the schedule may name it itself
      ...(!/^(CRON_)?TZ=/.test(spec.schedule) && { timezone: spec.timeZone ?? 'UTC' }),
      action: {
        type: 'command',
        command,
        ...(more.length > 0 && { args: more }),
        ...(plain.length > 0 && {
          env: Object.fromEntries(plain.map(({ name, value }) => [name, String(value)])) as object,
        }),
        ...(container.workingDir && { cwd: container.workingDir }),
      },
      overlap: overlaps[spec.concurrencyPolicy ?? 'Allow'] ?? 'allow',
      ...(template.backoffLimit !== 0 && { retry: { attempts: (template.backoffLimit ?? 6) + 1 } }),
      ...(spec.startingDeadlineSeconds !== undefined && {
        deadline_ms: spec.startingDeadlineSeconds * 1_000,
      }),
      ...(template.activeDeadlineSeconds !== undefined && {
        timeout_ms: template.activeDeadlineSeconds * 1_000,
      }),
      ...(spec.suspend === true && { paused: true }),
    },
    notes: [
      `Its image ${container.image} is not started: the program has to be on the machine of the service, with COMMANDS "on".`,
      ...(hidden.length > 0
        ? [`Variables from elsewhere: ${hidden.join(', ')}. Store them as secrets.`]
        : []),
      ...leftOutOf(template, container),
    ],
  }
}

function leftOutOf(template: Json, container: Json): string[] {
  const { containers = [], initContainers = [] } = template.template.spec
  const others = [...initContainers, ...containers.slice(1)].map(({ name }) => String(name))
  const copies = Math.max(template.parallelism ?? 1, template.completions ?? 1)
  return [
    ...(others.length > 0 ? [`Other containers are left out: ${others.join(', ')}.`] : []),
    ...(container.envFrom ? ['The variables of `envFrom` are left out.'] : []),
    ...(container.volumeMounts ? ['Its volumes are left out.'] : []),
    ...(copies > 1 ? [`It ran ${copies} times in one job; here it runs once.`] : []),
  ]
}
