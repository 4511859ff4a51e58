/** A number in the reader's locale; millions are short. */
export const countText = (count: number): string =>
  new Intl.NumberFormat(navigator.language, { notation: count >= 1e6 ? 'compact' : 'standard' }).format(count)

/** Every noun that is counted, and has no plain `s`. */
const plurals: Record<string, string> = { try: 'tries' }

/** "1 start", "2 starts". */
export const counted = (count: number, noun: string): string => `${countText(count)} ${nounFor(count, noun)}`

/** "start" or "starts", for a number that is written on its own. */
export const nounFor = (count: number, noun: string): string =>
  count === 1 ? noun : (plurals[noun] ?? `${noun}s`)
