import { parseAllDocuments } from 'yaml'
import type { Json } from '../api.ts'
import { callOf, callOfLine } from './call.ts'
import { type Imported, templateNotes } from './imported.ts'

const overlaps: Record<string, string> = { Allow: 'allow', Forbid: 'skip', Replace: 'cancel_running' }

/** CronJobs of Kubernetes, of any number of documents. */
export function importKubernetes(text: string): Imported[] {
  return parseAllDocuments(text, { logLevel: 'error' }).flatMap((document, n) => {
    if (document.errors.length > 0)
      return [
        {
          ...{ place: `document ${n + 1}`, name: '', job: null },
          notes: [`It is no YAML (${document.errors[0]?.code}). ${chartNote}`],
        },
      ]
    const one: Json = document.toJS()
    const items: Json[] = String(one?.kind).endsWith('List') ? (one.items ?? []) : [one]
    return items.filter((item) => item?.kind === 'CronJob').map(cronJobOf)
  })
}

const chartNote = 'Of a chart, import what `helm template` writes.'

/** The service takes no more. */
const longestMs = 86_400_000
const mostAttempts = 10

function cronJobOf({ metadata = {}, spec }: Json): Imported {
  const template = spec?.jobTemplate?.spec ?? {}
  const pod = template.template?.spec ?? {}
  const [container = {}] = (pod.containers ?? []) as Json[]
  const name = String(metadata.name ?? metadata.generateName ?? 'cronjob')
  if (typeof (metadata.name ?? '') !== 'string')
    return { place: 'CronJob', name: '', job: null, notes: [chartNote] }
  const place = `CronJob ${metadata.namespace ? `${metadata.namespace}/` : ''}${name}`
  if (typeof spec?.schedule !== 'string') return { place, name, job: null, notes: ['It has no schedule.'] }
  const { env, notes: envNotes } = environmentOf(container)
  const { words, notes: wordNotes } = commandOf(container, env)
  if (words.length === 0)
    return {
      ...{ place, name, job: null },
      notes: [`Its image ${container.image} says what runs${argsText(container)}; write its command.`],
    }
  const call = callIn(words)
  const [command = '', ...args] = words
  return {
    place,
    name,
    job: {
      schedule: spec.schedule.trim().replaceAll(/\s+/g, ' '),
      // the schedule may name it itself
      ...(!/^(CRON_)?TZ=/.test(spec.schedule) && { timezone: spec.timeZone ?? 'UTC' }),
      action: call?.action ?? {
        ...{ type: 'command', command },
        ...(args.length > 0 && { args }),
        ...(Object.keys(env).length > 0 && { env }),
        ...(container.workingDir && { cwd: container.workingDir }),
      },
      overlap: overlaps[spec.concurrencyPolicy ?? 'Allow'] ?? 'allow',
      ...retryOf(template),
      ...(spec.startingDeadlineSeconds !== undefined && {
        deadline_ms: spec.startingDeadlineSeconds * 1_000,
      }),
      ...(template.activeDeadlineSeconds !== undefined && {
        timeout_ms: Math.min(template.activeDeadlineSeconds * 1_000, longestMs),
      }),
      ...(spec.suspend === true && { paused: true }),
    },
    notes: [
      ...(call?.notes ?? [
        `Its image ${container.image} is not started: the program has to be on the machine of the service, with COMMANDS "on".`,
        ...envNotes,
        ...wordNotes,
      ]),
      ...templateNotes(...words),
      ...leftOutOf(template, container),
    ],
  }
}

function retryOf({ backoffLimit = 6 }: Json): { retry?: { attempts: number } } {
  return backoffLimit > 0 ? { retry: { attempts: Math.min(backoffLimit + 1, mostAttempts) } } : {}
}

const argsText = ({ args }: Json) => (args?.length > 0 ? `, with the arguments ${JSON.stringify(args)}` : '')

const curlImage = /^(?:.*\/)?curl(?:images\/curl)?(?:[:@].*)?$/

/** `$(NAME)` of a variable of the container is filled in; without a command the image decides, of curl we know what. */
function commandOf(container: Json, env: Record<string, string>): { words: string[]; notes: string[] } {
  const isCurl = !container.command && curlImage.test(container.image ?? '')
  const own = isCurl ? ['curl'] : ((container.command ?? []) as unknown[])
  if (own.length === 0) return { words: [], notes: [] }
  const unknown = new Set<string>()
  const words = [...own, ...((container.args ?? []) as unknown[])].map((word) =>
    String(word).replaceAll(/\$\(([A-Za-z_]\w*)\)/g, (whole, name: string) => {
      const value = env[name]
      if (value === undefined) unknown.add(name)
      return value ?? whole
    }),
  )
  const isShell = shellForm.test(words[0] ?? '')
  return {
    words,
    notes:
      unknown.size > 0 && !isShell
        ? [`Kubernetes filled in $(${[...unknown].join('), $(')}); write it out.`]
        : [],
  }
}

/** What a shell is given is read as well. */
function callIn(words: string[]) {
  const [program = '', option = '', line = '', ...more] = words
  const isShell = shellForm.test(program) && /^-\w*c$/.test(option) && more.length === 0
  return isShell ? callOfLine(line) : callOf(words)
}

const shellForm = /^(?:.*\/)?(?:ba|da|a)?sh$/

/** Plain values as they are, those of secrets by name. */
function environmentOf({ env = [], envFrom }: Json): { env: Record<string, string>; notes: string[] } {
  const found: Record<string, string> = {}
  const secrets: string[] = []
  const others: string[] = []
  for (const { name, value, valueFrom } of env as Json[]) {
    const secret = String(name).toUpperCase()
    if (!/^[A-Za-z_]\w*$/.test(name)) others.push(String(name))
    else if (valueFrom === undefined) found[name] = String(value ?? '')
    else if (valueFrom.secretKeyRef && /^[A-Z][A-Z0-9_]{0,63}$/.test(secret)) {
      found[name] = `{{secrets.${secret}}}`
      secrets.push(secret)
    } else others.push(String(name))
  }
  return {
    env: found,
    notes: [
      ...(secrets.length > 0 ? [`Store as secrets: ${secrets.join(', ')}.`] : []),
      ...(others.length > 0 ? [`These variables are left out: ${others.join(', ')}.`] : []),
      ...(envFrom ? ['The variables of `envFrom` are left out.'] : []),
    ],
  }
}

function leftOutOf(template: Json, container: Json): string[] {
  const { containers = [], initContainers = [] } = template.template?.spec ?? {}
  const others = [...initContainers, ...containers.slice(1)].map(({ name }) => String(name))
  const copies = Math.max(template.parallelism ?? 1, template.completions ?? 1)
  return [
    ...(others.length > 0 ? [`Other containers are left out: ${others.join(', ')}.`] : []),
    ...(container.volumeMounts ? ['Its volumes are left out.'] : []),
    ...(copies > 1 ? [`It ran ${copies} times in one job; here it runs once.`] : []),
  ]
}
