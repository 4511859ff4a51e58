import { cappedText, storable, withEllipsis } from '../../ground/text.ts'

/** `ActionContext.hide` */
export type Hide = (text: string, wish?: { isCut: boolean }) => string

/**
 * The server's own message about its failure, in one line and without secrets: a code and a sentence, as far as there are
 * any.
 */
export function saidBy({ error }: { error?: unknown }, hide: Hide): string {
  if (typeof error === 'string') return quoted(hide(error))
  if (typeof error !== 'object' || error === null) return 'no reason'
  const { code, type, message } = error as { code?: unknown; type?: unknown; message?: unknown }
  const word = [code, type].find((one) => typeof one === 'string' && /^[\w.-]{1,64}$/.test(one))
  const sentence = typeof message === 'string' ? quoted(hide(message)) : ''
  return [word, sentence].filter(Boolean).join(': ') || 'no reason'
}

function quoted(text: string): string {
  const line = storable(text).replaceAll(/\s+/g, ' ').trim()
  return JSON.stringify(withEllipsis(line, 300))
}

/** The beginning of a text, at most so many bytes of UTF-8 and no half character; `left`: the bytes that are missing. */
export function cutText(text: string, mostBytes: number): { text: string; left: number } {
  const cut = cappedText(text, mostBytes)
  return { text: cut, left: Buffer.byteLength(text) - Buffer.byteLength(cut) }
}

export function omission(bytes: number): string {
  return `[\u2026 ${bytes} bytes omitted \u2026]`
}
