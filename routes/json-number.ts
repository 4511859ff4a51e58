/**
 * Whether a number of JSON is read as the value that is written: what JavaScript makes of it, written out again as briefly
 * as it can be or with as many digits as the source has, is the same number. So 1097559412345678901 and 1e400 are not,
 * 0.1 and 0.1000000000000000055511151231257827 are.
 */
export function keepsItsValue(source: string): boolean {
  // fifteen digits fit into every 64-bit float
  if (source.length <= 15 && !/[eE]/.test(source)) return true
  const read = Number(source)
  if (read === 0) return /^-?[0.]+(?:[eE]|$)/.test(source)
  if (!Number.isFinite(read)) return false
  const written = canonical(source)
  if (canonical(String(read)) === written) return true
  const digits = written.split('e')[0]?.replace('-', '').length ?? 0
  // the most that toPrecision writes; a float has no more than 767, and no client sends them
  return digits <= 100 && canonical(read.toPrecision(digits)) === written
}

/** One way to write each decimal value: its digits without zeros at the ends, and a power of ten. */
function canonical(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? []
  const digits = withoutZeros(whole + fraction)
  return `${sign === '-' ? '-' : ''}${digits.text}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.cut)}`
}

/** Without zeros at either end. By hand: `/0+$/` starts again at each zero. */
function withoutZeros(text: string): { text: string; cut: number } {
  let from = 0
  let to = text.length
  while (from < to && text[from] === '0') from += 1
  while (to > from && text[to - 1] === '0') to -= 1
  return { text: text.slice(from, to), cut: text.length - to }
}
