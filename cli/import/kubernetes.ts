import { parseAllDocuments } from 'yaml'
import type { Json } from '../api.ts'
import { callOf, callOfLine } from './call.ts'
import { asWritten, type Imported, secretIn } from './imported.ts'

const overlaps: Record<string, string> = { Allow: 'allow', Forbid: 'skip', Replace: 'cancel_running' }

/** CronJobs of Kubernetes, of any number of documents. */
export function importKubernetes(text: string): Imported[] {
  // merge keys (`<<`) as kubectl reads them
  return parseAllDocuments(text, { logLevel: 'error', merge: true }).flatMap((document, n) => {
    if (document.errors.length > 0)
      return [
        {
          ...{ place: `document ${n + 1}`, name: '', job: null },
          notes: [`It is no YAML (${document.errors[0]?.code}). ${chartNote}`],
        },
      ]
    const one: Json = document.toJS()
    // of OpenShift: a template has its objects
    const isMany = /List$|^Template$/.test(String(one?.kind))
    const items: Json[] = isMany ? (one.items ?? one.objects ?? []) : [one]
    return items.filter((item) => item?.kind === 'CronJob').map(cronJobOf)
  })
}

const chartNote = 'Of a chart, import what `helm template` writes.'

/** A place of a template that is not filled in: `{{ .Values.x }}`, also as YAML reads it without quotes; `${X}`, `$(X)`. */
const isFilledIn = (value: unknown) => typeof value !== 'string' || /\{\{|\$[{(]/.test(value)

/** The service takes no more. */
const longestMs = 86_400_000
const longestDeadlineMs = 31 * 86_400_000
const mostAttempts = 100

function cronJobOf({ metadata = {}, spec }: Json): Imported {
  const template = spec?.jobTemplate?.spec ?? {}
  const pod = template.template?.spec ?? {}
  const container = mainOf(template)
  if (isFilledIn(metadata.name ?? ''))
    return { place: 'CronJob', name: '', job: null, notes: [`Its name is filled in by a tool. ${chartNote}`] }
  const name = String(metadata.name ?? metadata.generateName ?? 'cronjob')
  const namespace = isFilledIn(metadata.namespace ?? '') ? '' : (metadata.namespace ?? '')
  const place = `CronJob ${namespace ? `${namespace}/` : ''}${name}`
  if (spec?.schedule === undefined) return { place, name, job: null, notes: ['It has no schedule.'] }
  if (isFilledIn(spec.schedule))
    return { place, name, job: null, notes: [`Its schedule is filled in by a tool. ${chartNote}`] }
  const { env, secrets, notes: envNotes } = environmentOf(container)
  const { words, notes: wordNotes } = commandOf(container, env)
  if (words.length === 0)
    return {
      ...{ place, name, job: null },
      notes: [`Its image ${container.image} says what runs${argsText(container)}; write its command.`],
    }
  const call = callIn(words)
  const used = secrets.filter((one) => call === null || JSON.stringify(call.action).includes(secretIn(one)))
  const limits = [template.activeDeadlineSeconds, pod.activeDeadlineSeconds].map(Number).filter((s) => s > 0)
  const [command = '', ...args] = words
  return {
    place,
    name,
    job: {
      schedule: spec.schedule.trim().replaceAll(/\s+/g, ' '),
      // the schedule may name it itself
      ...(!/^(CRON_)?TZ=/.test(spec.schedule) && { timezone: spec.timeZone ?? 'UTC' }),
      action: asWritten<object>(
        call?.action ?? {
          ...{ type: 'command', command },
          ...(args.length > 0 && { args }),
          ...(Object.keys(env).length > 0 && { env }),
          ...(container.workingDir && { cwd: container.workingDir }),
        },
      ),
      overlap: overlaps[spec.concurrencyPolicy ?? 'Allow'] ?? 'allow',
      ...retryOf(template),
      ...(spec.startingDeadlineSeconds !== undefined && {
        deadline_ms: Math.min(spec.startingDeadlineSeconds * 1_000, longestDeadlineMs),
      }),
      ...(limits.length > 0 && { timeout_ms: Math.min(...limits.map((s) => s * 1_000), longestMs) }),
      ...(spec.suspend === true && { paused: true }),
    },
    notes: [
      ...(call?.notes ?? [
        `Its image ${container.image} is not started: the program has to be on the machine of the service, with COMMANDS "on".`,
        ...envNotes,
      ]),
      ...wordNotes,
      ...(used.length > 0 ? [`Store as secrets: ${used.join(', ')}.`] : []),
      ...(JSON.stringify(template).includes('{{') ? [`"{{" stands in it as a text. ${chartNote}`] : []),
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
  const own = isCurl ? ['curl'] : listOf(container.command)
  if (own.length === 0) return { words: [], notes: [] }
  const unknown = new Set<string>()
  const words = [...own, ...listOf(container.args)].map((word) =>
    filledIn(String(word), (name) => {
      if (env[name] === undefined) unknown.add(name)
      return env[name]
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

/** A list, also if a text stands in its place. */
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value == null ? [] : [value])

/** `$(NAME)` with the values there are; `$$` is one `$`. */
function filledIn(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replaceAll(/\$\$|\$\(([A-Za-z_]\w*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (valueOf(name) ?? whole),
  )
}

/** What a shell is given is read as well. */
function callIn(words: string[]) {
  const [program = '', option = '', line = '', ...more] = words
  const isShell = shellForm.test(program) && /^-\w*c$/.test(option) && more.length === 0
  return isShell ? callOfLine(line) : callOf(words)
}

const shellForm = /^(?:.*\/)?(?:ba|da|a)?sh$/

/** Plain values as they are, those of secrets by name. */
function environmentOf({ env, envFrom }: Json): {
  env: Record<string, string>
  secrets: string[]
  notes: string[]
} {
  const found: Record<string, string> = {}
  const secrets: string[] = []
  const others: string[] = []
  for (const { name, value, valueFrom } of listOf(env) as Json[]) {
    const secret = String(name).toUpperCase()
    if (!/^[A-Za-z_]\w*$/.test(name)) others.push(String(name))
    else if (valueFrom === undefined) found[name] = filledIn(String(value ?? ''), (one) => found[one])
    else if (valueFrom.secretKeyRef && /^[A-Z][A-Z0-9_]{0,63}$/.test(secret)) {
      found[name] = secretIn(secret)
      secrets.push(secret)
    } else others.push(String(name))
  }
  return {
    env: found,
    secrets,
    notes: [
      ...(others.length > 0 ? [`These variables are left out: ${others.join(', ')}.`] : []),
      ...(envFrom ? ['The variables of `envFrom` are left out.'] : []),
    ],
  }
}

/** The one that kubectl takes if none is named. */
function mainOf(template: Json): Json {
  const { metadata, spec } = template.template ?? {}
  const all = listOf(spec?.containers) as Json[]
  const named: unknown = metadata?.annotations?.['kubectl.kubernetes.io/default-container']
  return all.find(({ name }) => name === named) ?? all[0] ?? {}
}

function leftOutOf(template: Json, container: Json): string[] {
  const { containers, initContainers } = template.template?.spec ?? {}
  const others = [...listOf(initContainers), ...listOf(containers)]
    .filter((one) => one !== container)
    .map((one) => String((one as Json).name))
  const copies = Math.max(template.parallelism ?? 1, template.completions ?? 1)
  return [
    ...(others.length > 0 ? [`Other containers are left out: ${others.join(', ')}.`] : []),
    ...(container.volumeMounts ? ['Its volumes are left out.'] : []),
    ...(copies > 1 ? [`It ran ${copies} times in one job; here it runs once.`] : []),
  ]
}
