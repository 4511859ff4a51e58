/** A call of chat/completions, as far as an answer needs it. `text`: of the last message. */
export type Asked = { model: string; stream: boolean; includeUsage: boolean; text: string; allText: string }

type Body = {
  model?: string
  stream?: boolean
  stream_options?: { include_usage?: boolean }
  messages?: { content: string }[]
}

export function readAsked(body: unknown): Asked {
  const { model = '', stream = false, stream_options: options, messages = [] } = (body ?? {}) as Body
  return {
    model,
    stream,
    includeUsage: options?.include_usage ?? false,
    text: messages.at(-1)?.content ?? '',
    allText: messages.map(({ content }) => content).join('\n'),
  }
}

/** The pieces of a stream: words with the blanks before them. */
export function words(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? []
}

/** A word is a token here. */
export function usageOf({ allText }: Asked, answer: string) {
  const [prompt, completion] = [words(allText).length, words(answer).length]
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}
