/** The price of a million tokens. */
export type Price = { inputPerMillion: number; outputPerMillion: number; currency: string }

/** Tokens as a server counts them. */
export type Tokens = { prompt: number; completion: number; total: number }

/**
 * Tokens of so many bytes of text, if the server has not counted them (yet): four bytes each, which is about what
 * they are in English; in most other languages and in code there are more.
 */
export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / 4)
}

/** `usage` of an answer; null if there is none. */
export function readTokens(value: unknown): Tokens | null {
  if (typeof value !== 'object' || value === null) return null
  const { prompt_tokens: prompt, completion_tokens: completion = 0, total_tokens: total } = value as Counts
  if (!isCount(prompt) || !isCount(completion)) return null
  return { prompt, completion, total: isCount(total) ? total : prompt + completion }
}

type Counts = { prompt_tokens?: unknown; completion_tokens?: unknown; total_tokens?: unknown }

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

type Used = {
  model: string
  tokens: Tokens
  isEstimated: boolean
  finishReason: string | null
  price: Price | null
}

/** The usage of an attempt in the run's row. `cost` in `currency`, if a price is known. */
export function usageBody({
  model,
  tokens,
  isEstimated,
  finishReason,
  price,
}: Used): Record<string, unknown> {
  return {
    model,
    prompt_tokens: tokens.prompt,
    completion_tokens: tokens.completion,
    total_tokens: tokens.total,
    ...(isEstimated ? { estimated: true } : {}),
    ...(finishReason === null ? {} : { finish_reason: finishReason }),
    ...(price ? { cost: costOf(tokens, price), currency: price.currency } : {}),
  }
}

function costOf({ prompt, completion }: Tokens, { inputPerMillion, outputPerMillion }: Price): number {
  const cost = (prompt * inputPerMillion + completion * outputPerMillion) / 1e6
  // Nine digits: a token may cost less than a millionth, and 0.1 + 0.2 is to be 0.3.
  return Math.round(cost * 1e9) / 1e9
}
