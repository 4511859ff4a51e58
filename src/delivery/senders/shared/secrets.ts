import type { Receiver } from '../receiver.ts'
import type { Target } from '../receivers.ts'

/** The texts in a target's secret fields, as the receiver may echo them. */
export function secretsIn(target: Target, { secretsOf }: Receiver<Target>): string[] {
  const fields: Readonly<Record<string, unknown>> = target
  const texts = secretsOf.flatMap((field) => textsIn(fields[field])).filter((text) => !isOrigin(text))
  // of a signing secret the part that is none of its mark is as secret
  return [...new Set(texts.flatMap((text) => [text, text.replace(/^whsec_/, '')]))]
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/** A URL that says no more than its origin is none: by that messages name a receiver. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && (url.href === url.origin || url.href === `${url.origin}/`)
}
