const words = ['[SILENT]', 'NO_REPLY']

/**
 * Whether a successful output asks for silence: it is, or its first or last line is, `[SILENT]` or
 * `NO_REPLY`. Blanks and empty lines around are left out of account; upper case matters.
 */
export function isSilent(output: string): boolean {
  const text = output.trim()
  const first = /^[^\r\n]*/.exec(text)?.[0] ?? ''
  const last = /[^\r\n]*$/.exec(text)?.[0] ?? ''
  return words.includes(first.trim()) || words.includes(last.trim())
}
