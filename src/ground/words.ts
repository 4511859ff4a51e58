/** `"a", "b" or "c"`: which of these may be given. */
export function quotedChoice(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name))
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}
