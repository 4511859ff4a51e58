import { namesIn, render } from '../../template/index.ts'
import type { ActionContext } from '../shared/context.ts'
import { identity } from '../shared/identity.ts'
import { timeoutOf } from '../shared/limits.ts'
import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from '../shared/outcome.ts'
import type { PromptDefaults } from '../type.ts'
import { contextBlocks } from './context.ts'
import { estimateTokens, type Price } from './usage.ts'
import { valuesOf } from '../shared/values.ts'

/** The `prompt` action, as its schema has let it through. */
type PromptAction = {
  model?: string
  base_url?: string
  api_key?: string
  system?: string
  context_from?: string[]
  max_tokens?: number
  temperature?: number
  timeout_ms?: number
  inactivity_ms?: number
  budget?: { total_tokens?: number }
  price?: { input_per_million: number; output_per_million: number; currency?: string }
}

/** A prompt, filled in and ready to be sent. */
export type PromptCall = {
  url: URL
  headers: Record<string, string>
  body: object
  model: string
  /** The estimated tokens of the messages. */
  promptTokens: number
  /** For the whole attempt. */
  timeoutMs: number
  /** The server may be silent for so long, before it answers and between two pieces. */
  inactivityMs: number
  budgetTokens: number | null
  price: Price | null
}

// Models think and write for minutes; what hangs is found by its silence.
const usualTimeoutMs = 600_000
const usualInactivityMs = 30_000

/**
 * The call that a prompt action means for this run, or the failure that it is. Fetches the secret and the outputs
 * that it names.
 *
 * @throws AppError as `valuesOf` and `render`
 */
export async function readPrompt(
  job: ActionJob,
  run: ActionRun,
  context: ActionContext,
  defaults: PromptDefaults,
): Promise<PromptCall | ActionOutcome> {
  const action = job.action as PromptAction
  const baseUrl = action.base_url ?? defaults.baseUrl
  const model = action.model ?? defaults.model
  const { prompt } = job
  const isAsked = prompt !== null && (prompt !== '' || job.skills.length > 0)
  if (!isAsked || !baseUrl || !model) return notAvailable(isAsked ? prompt : null, baseUrl, model)
  const url = endpoint(baseUrl)
  if (!url) return finalFailure('ACTION_INVALID', 'action.base_url: must be an http or https URL')
  const filled = await fill({ prompt, system: action.system, apiKey: action.api_key }, job, run, context)
  const key = filled.apiKey ?? ownKey(action, defaults)
  // not quoted, and fetch would only call it a TypeError
  if (key !== null && !/^[\x21-\x7e]+$/.test(key))
    return finalFailure(
      'ACTION_INVALID',
      'The API key of the model server must be printable characters without spaces',
    )
  const blocks = await contextBlocks(action.context_from ?? [], context)
  const messages = messagesOf({ ...filled, blocks, skills: job.skills })
  return {
    url,
    headers: {
      accept: 'text/event-stream, application/json',
      'user-agent': context.userAgent,
      ...identity(job, run),
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    },
    body: bodyOf(action, { url, model, messages, skills: job.skills }),
    model,
    promptTokens: estimateTokens(messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)),
    ...limitsOf(job, action),
  }
}

function notAvailable(prompt: string | null, baseUrl: string | null, model: string | null): ActionOutcome {
  const missing = [
    ...(prompt === null ? ['a prompt'] : []),
    ...(baseUrl ? [] : ['a model server (action.base_url or PROMPT_BASE_URL)']),
    ...(model ? [] : ['a model (action.model or PROMPT_MODEL)']),
  ]
  const given = prompt === null ? 'The job has no prompt' : `The prompt has ${prompt.length} characters`
  return finalFailure('ACTION_NOT_AVAILABLE', `${given}; this action needs ${missing.join(' and ')}`)
}

function endpoint(baseUrl: string): URL | null {
  const url = URL.parse(baseUrl)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return null
  url.pathname = `${url.pathname.replace(/(?<!\/)\/+$/, '')}/chat/completions`
  return url
}

type Texts = { prompt: string; system: string | undefined; apiKey: string | undefined }

async function fill(texts: Texts, job: ActionJob, run: ActionRun, context: ActionContext): Promise<Texts> {
  const values = await valuesOf(namesIn(texts), { job, run, context })
  const filled = (text: string | undefined) => (text === undefined ? undefined : render(text, values))
  return { prompt: render(texts.prompt, values), system: filled(texts.system), apiKey: filled(texts.apiKey) }
}

/** The key of the service goes to the service's own endpoint only: who names another one names its key as well. */
function ownKey({ base_url: baseUrl }: PromptAction, defaults: PromptDefaults): string | null {
  return baseUrl === undefined || baseUrl === defaults.baseUrl ? defaults.apiKey : null
}

type Message = { role: 'system' | 'user'; content: string }

function messagesOf(parts: Texts & { blocks: string[]; skills: string[] }): Message[] {
  const { prompt, blocks, skills } = parts
  const skillsLine = skills.length > 0 ? [`Use these skills: ${skills.join(', ')}`] : []
  const system = [...(parts.system === undefined ? [] : [parts.system]), ...skillsLine].join('\n\n')
  // a message without text is refused by most servers
  const content = [...blocks, prompt === '' ? skillsLine.join('') : prompt].join('\n\n')
  return [...(system ? [{ role: 'system' as const, content: system }] : []), { role: 'user', content }]
}

type BodyNeeds = { url: URL; model: string; messages: Message[]; skills: string[] }

function bodyOf(action: PromptAction, { url, model, messages, skills }: BodyNeeds): object {
  const { max_tokens: maxTokens, temperature } = action
  const isOpenAi = /(^|\.)openai\.(azure\.)?com$/.test(url.hostname)
  // OpenAI's newer models refuse `max_tokens`, which is the name that all other servers know.
  const limit = isOpenAi ? 'max_completion_tokens' : 'max_tokens'
  return {
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    ...(maxTokens === undefined ? {} : { [limit]: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    // OpenAI refuses `metadata` where the answer is not to be stored there.
    ...(skills.length === 0 || isOpenAi ? {} : { metadata: { skills: skills.join(',') } }),
  }
}

function limitsOf(job: ActionJob, action: PromptAction) {
  const { price } = action
  return {
    timeoutMs: timeoutOf(action.timeout_ms, job, usualTimeoutMs),
    inactivityMs: action.inactivity_ms ?? usualInactivityMs,
    budgetTokens: action.budget?.total_tokens ?? null,
    price: price
      ? {
          inputPerMillion: price.input_per_million,
          outputPerMillion: price.output_per_million,
          currency: price.currency ?? 'USD',
        }
      : null,
  }
}
