/** "1 run", "2 runs"; `verb`, for one and for many, is said after it: "1 run waits". */
export function counted(count: number, noun: string, [one, many] = ['', '']): string {
  const said = count === 1 ? `1 ${noun} ${one}` : `${count} ${noun}s ${many}`
  return said.trimEnd()
}

/** `"a", "b" or "c"`: which of these may be given. */
export function quotedChoice(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name))
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}
