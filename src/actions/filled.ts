import { namesIn, render, renderJson, type Values } from '../template/index.ts'
import type { ActionFields } from './type.ts'

/** Of a run that may be over: all that is known of its attempt without asking anyone. */
export type FilledRun = {
  id: string
  slot: Date | null
  attempt: number
  trigger: string
  input: unknown
}
export type FilledJob = { id: string; name: string; action: ActionFields; prompt: string | null }

/**
 * The action and the prompt of a job as this run fills them in. Names that only the attempt knew stay as they were
 * written (`{{now}}`, `{{last.output}}`), and secrets always do. The input is the body of a call that has none of its own.
 */
export function filledAction({ id, name, action, prompt }: FilledJob, run: FilledRun) {
  const values = valuesFor(namesIn([action, prompt]), {
    slot: run.slot?.toISOString() ?? null,
    attempt: run.attempt,
    trigger: run.trigger,
    'job.id': id,
    'job.name': name,
    'run.id': run.id,
    input: run.input ?? null,
  })
  const { url, ...fields } = action
  const kept = new Set(Object.values(values).filter((value) => isTemplate(value)))
  const encode = (value: string) => (kept.has(value) ? value : encodeURIComponent(value.toWellFormed()))
  return {
    action: {
      ...(renderJson(withInput(fields, run.input), values) as ActionFields),
      ...(typeof url === 'string' && { url: render(url, values, { encode }) }),
    },
    prompt: prompt === null ? null : render(prompt, values),
  }
}

function valuesFor(names: ReadonlySet<string>, known: Record<string, unknown>): Values {
  const isKnown = (name: string) => Object.hasOwn(known, name) || name.startsWith('input.')
  const others = [...names].filter((name) => !isKnown(name)).map((name) => [name, `{{${name}}}`])
  return { ...known, ...(Object.fromEntries(others) as Values) }
}

const isTemplate = (value: unknown): boolean => typeof value === 'string' && /^\{\{[\w.]+\}\}$/.test(value)

function withInput(fields: Omit<ActionFields, 'url'>, input: unknown) {
  const { type, method = 'POST', body = null, form = null } = fields
  const isSent = type === 'http' && body === null && form === null && !/^(get|head)$/i.test(String(method))
  return isSent && input !== null && input !== undefined ? { ...fields, body: '{{input}}' } : fields
}
