import { beginningOf, storable } from '../../ground/text.ts'
import { mostOutputBytes } from '../shared/limits.ts'
import { AnswerUnreadable } from './events.ts'
import { cutText, type Hide, omission, saidBy } from './text.ts'
import { estimateTokens, readTokens, type Tokens } from './usage.ts'

/** The answer has used up the budget of the action. */
export class BudgetExceeded extends Error {
  override readonly name = 'BudgetExceeded'
}

/** The server says, within its answer, that it failed. `said`: its own words, shortened. */
export class ModelFailed extends Error {
  override readonly name = 'ModelFailed'
}

/** An answer as it grows. */
export type ModelAnswer = {
  /** Takes an event of a stream, or a whole answer. @throws AnswerUnreadable, BudgetExceeded, ModelFailed */
  take(data: string): void
  /** Null if there is none: all of it, or the beginning and a line that says how much is missing. */
  text(): string | null
  /** Why the model ended: `stop`, `length` and others; null: it has not. */
  finishReason(): string | null
  /** The server said that the stream is over. */
  isDone(): boolean
  /** As the server named it. */
  model(): string | null
  tokens(): { tokens: Tokens; isEstimated: boolean }
}

type AnswerNeeds = {
  promptTokens: number
  budgetTokens: number | null
  log: (text: string) => void
  hide: Hide
}

export function createAnswer({ promptTokens, budgetTokens, log, hide }: AnswerNeeds): ModelAnswer {
  const texts: string[] = []
  let bytes = 0
  let keptBytes = 0
  let thoughtBytes = 0
  let finishReason: string | null = null
  let isDone = false
  let model: string | null = null
  let counted: Tokens | null = null

  function take(data: string) {
    if (data.trim() === '[DONE]') {
      isDone = true
      return
    }
    const event = parse(data)
    if (event.error) throw new ModelFailed(saidBy(event, hide))
    if (typeof event.model === 'string') model = beginningOf(hide(event.model), 200)
    counted = readTokens(event.usage) ?? counted
    const [choice] = Array.isArray(event.choices) ? event.choices : []
    if (choice) takeChoice(choice)
    const { total } = tokens().tokens
    if (budgetTokens !== null && total > budgetTokens)
      throw new BudgetExceeded(`The model used ${total} tokens; the budget is ${budgetTokens}`)
  }

  function takeChoice({ delta, message, finish_reason: reason }: Choice) {
    const { content, reasoning_content: thought = delta?.reasoning } = delta ?? message ?? {}
    if (typeof thought === 'string') thoughtBytes += Buffer.byteLength(thought)
    if (typeof reason === 'string') finishReason = beginningOf(hide(reason), 100)
    append(textOf(content))
  }

  function append(text: string) {
    if (text === '') return
    log(text)
    const piece = storable(text)
    const size = Buffer.byteLength(piece)
    // the piece that reaches over the limit is kept, and cut in the end
    if (bytes < mostOutputBytes) {
      texts.push(piece)
      keptBytes += size
    }
    bytes += size
  }

  function tokens() {
    if (counted) return { tokens: counted, isEstimated: false }
    const completion = estimateTokens(bytes + thoughtBytes)
    const estimated = { prompt: promptTokens, completion, total: promptTokens + completion }
    return { tokens: estimated, isEstimated: true }
  }

  return {
    take,
    text() {
      if (bytes === 0) return null
      const omittedBefore = bytes - keptBytes
      const kept = hide(texts.join(''), { isCut: omittedBefore > 0 })
      const { text, left } = cutText(kept, mostOutputBytes)
      const omitted = left + omittedBefore
      return omitted === 0 ? text : `${text}\n${omission(omitted)}`
    },
    finishReason: () => finishReason,
    isDone: () => isDone,
    model: () => model,
    tokens,
  }
}

type Choice = {
  delta?: { content?: unknown; reasoning_content?: unknown; reasoning?: unknown }
  message?: { content?: unknown; reasoning_content?: unknown }
  finish_reason?: unknown
}
type Event = { error?: unknown; model?: unknown; usage?: unknown; choices?: Choice[] }

function parse(data: string): Event {
  if (isTooDeep(data)) throw new AnswerUnreadable('JSON nested deeper than 200 levels was sent')
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // not JSON, which is said below
  }
  throw new AnswerUnreadable('something else than a JSON object was sent')
}

/** Reading half a million lists within each other takes 200 ms and 50 MB; looking first takes 5 ms. */
function isTooDeep(data: string): boolean {
  let depth = 0
  let isText = false
  for (let at = 0; at < data.length; at++) {
    const sign = data[at]
    if (isText && sign === '\\') at += 1
    else if (sign === '"') isText = !isText
    else if (isText) continue
    else if (sign === '[' || sign === '{') depth += 1
    else if (sign === ']' || sign === '}') depth -= 1
    if (depth > deepest) return true
  }
  return false
}

const deepest = 200

/** A text, or a list of parts of which some are texts. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part: { text?: unknown } | null) => (typeof part?.text === 'string' ? part.text : ''))
    .join('')
}
