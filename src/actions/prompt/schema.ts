import type { ActionKit } from '../type.ts'

const mostTokens = 100_000_000

export function promptSchema({ Type, object, expecting, distinct, timeoutMs, when }: ActionKit) {
  const baseUrl = Type.Refine(
    Type.String({
      maxLength: 2048,
      description: 'what `/chat/completions` follows; default: PROMPT_BASE_URL',
      ...expecting(
        'an http or https URL of at most 2048 characters, without user, password, query, fragment or templates',
      ),
    }),
    isBaseUrl,
  )
  const source = Type.String({
    pattern: '^(self|[0-9a-f]{12})$',
    ...expecting('"self" or a job id of 12 lower-case hex digits'),
  })
  const perMillion = Type.Number({
    minimum: 0,
    maximum: 1_000_000,
    ...expecting('a number from 0 to 1000000'),
  })
  return object(
    {
      type: Type.Literal('prompt'),
      model: Type.Optional(
        Type.String({
          pattern: '^[^{}]{1,200}$',
          description: 'default: PROMPT_MODEL',
          ...expecting('a string of 1 to 200 characters, without templates'),
        }),
      ),
      base_url: Type.Optional(baseUrl),
      api_key: Type.Optional(
        Type.String({
          pattern: '^\\{\\{\\s*secrets\\.\\w+\\s*\\}\\}$',
          maxLength: 200,
          description: 'PROMPT_API_KEY goes to PROMPT_BASE_URL only; another `base_url` has its key here',
          ...expecting('"{{secrets.NAME}}", as a key is never written into a job'),
        }),
      ),
      system: Type.Optional(Type.String({ minLength: 1, maxLength: 100_000 })),
      context_from: Type.Optional(
        distinct(source, {
          maxItems: 20,
          description: 'whose last successful outputs are told to the model, 16 KiB of each',
        }),
      ),
      max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: mostTokens })),
      temperature: Type.Optional(
        Type.Number({ minimum: 0, maximum: 2, ...expecting('a number from 0 to 2') }),
      ),
      timeout_ms: Type.Optional(timeoutMs),
      inactivity_ms: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 3_600_000,
          default: 30_000,
          description: 'how long the server may be silent',
        }),
      ),
      budget: Type.Optional(
        object({ total_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: mostTokens })) }),
      ),
      price: Type.Optional(
        object({
          input_per_million: perMillion,
          output_per_million: perMillion,
          currency: Type.Optional(
            Type.String({
              pattern: '^[A-Z]{3}$',
              default: 'USD',
              ...expecting('a currency of three capital letters, such as "USD"'),
            }),
          ),
        }),
      ),
      when: Type.Optional(when),
    },
    {
      title: 'PromptAction',
      description:
        "The job's `prompt`, put to an OpenAI-compatible model. Templates such as {{slot}} may stand in the prompt and in system.",
    },
  )
}

function isBaseUrl(text: string): boolean {
  const given = URL.canParse(text) ? new URL(text) : null
  if (given?.protocol !== 'http:' && given?.protocol !== 'https:') return false
  if (/[{}]/.test(text)) return false
  return [given.username, given.password, given.search, given.hash].every((part) => part === '')
}
