/** The kinds of action that a job is begun with. */
export const kinds = ['http', 'prompt', 'handler', 'command'] as const
export type Kind = (typeof kinds)[number]

/** What the form holds: texts as they are typed. Fields of another kind are kept, so that one can go back. */
export type Draft = {
  kind: Kind
  name: string
  schedule: string
  timezone: string
  tags: string
  deliver: string
  attempts: string
  more: string
  method: string
  url: string
  headers: string
  body: string
  prompt: string
  model: string
  system: string
  handler: string
  input: string
  command: string
  args: string
  stdin: string
}

/** What each kind begins with, and what it is for. */
export const templates: Record<Kind, { title: string; says: string; begins: Partial<Draft> }> = {
  http: {
    title: 'Call a service',
    says: 'an HTTP call, with retries that its target can tell apart',
    begins: {
      name: 'nightly report',
      schedule: 'every day at 2am',
      url: 'https://example.com/reports?day={{slot}}',
    },
  },
  prompt: {
    title: 'Ask a model',
    says: 'a prompt, whose answer is the output',
    begins: {
      name: 'morning news',
      schedule: 'every weekday at 8am',
      prompt: 'Sum up what changed since {{last.output}}',
    },
  },
  handler: {
    title: 'Run a function',
    says: 'a TypeScript function of handlers/',
    begins: {
      name: 'the page is up',
      schedule: 'every 15m',
      handler: 'check-page',
      input: '{\n  "url": "https://example.com/",\n  "holds": "Example"\n}',
    },
  },
  command: {
    title: 'Run a program',
    says: 'without a shell; off unless COMMANDS is on',
    begins: { name: 'disk report', schedule: 'every 1h', command: 'df', args: '-h\n/' },
  },
}

const nothing: Draft = {
  ...{ kind: 'http', name: '', schedule: '', timezone: '', tags: '', deliver: '', attempts: '1', more: '' },
  ...{ method: 'POST', url: '', headers: '', body: '', prompt: '', model: '', system: '' },
  ...{ handler: '', input: '', command: '', args: '', stdin: '' },
}

export function beginning(kind: Kind, timezone: string): Draft {
  return { ...nothing, ...templates[kind].begins, kind, timezone }
}

export type Body = Record<string, unknown> & { name: string; schedule: string }

/** The body of `POST /api/jobs`, or which text is no JSON, by its field. */
export function bodyOf(draft: Draft): { body: Body | null; wrong: Record<string, string> } {
  const wrong: Record<string, string> = {}
  const json = (field: 'headers' | 'input' | 'more') => {
    const text = draft[field].trim()
    if (text === '') return {}
    try {
      return JSON.parse(text) as unknown
    } catch (error) {
      wrong[field] = `This is not JSON yet: ${(error as Error).message}`
      return {}
    }
  }
  const tags = draft.tags.split(/\s*,\s*/).filter(Boolean)
  const attempts = Number(draft.attempts)
  const body = {
    name: draft.name.trim(),
    schedule: draft.schedule.trim(),
    timezone: draft.timezone,
    ...given('tags', tags),
    ...(draft.kind === 'prompt' ? { prompt: draft.prompt } : {}),
    ...actionOf(draft, json),
    ...given('deliver', draft.deliver),
    ...(attempts > 1 ? { retry: { attempts } } : {}),
    ...(json('more') as object),
  }
  return { body: Object.keys(wrong).length > 0 ? null : body, wrong }
}

function actionOf(draft: Draft, json: (field: 'headers' | 'input') => unknown): { action?: object } {
  if (draft.kind === 'http') {
    const { method, url } = draft
    const rest = { ...given('headers', json('headers')), ...given('body', asJson(draft.body)) }
    return { action: { type: 'http', ...(method === 'POST' ? {} : { method }), url: url.trim(), ...rest } }
  }
  if (draft.kind === 'prompt') {
    const own = { ...given('model', draft.model.trim()), ...given('system', draft.system) }
    // the short form: the service's own model
    return Object.keys(own).length > 0 ? { action: { type: 'prompt', ...own } } : {}
  }
  if (draft.kind === 'handler')
    return {
      action: { type: 'handler', handler: draft.handler.trim(), ...given('input', json('input')) },
    }
  const args = draft.args.split('\n').filter((line) => line !== '')
  const { command, stdin } = draft
  return {
    action: { type: 'command', command: command.trim(), ...given('args', args), ...given('stdin', stdin) },
  }
}

/** A field, unless it is empty. */
function given(name: string, value: unknown): Record<string, unknown> {
  const isEmpty = typeof value === 'object' && value !== null ? Object.keys(value).length === 0 : value === ''
  return isEmpty ? {} : { [name]: value }
}

/** A text that is JSON is sent as such. */
function asJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
