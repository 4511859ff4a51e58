/** Per field from the last one backwards: what `H` may become. Days of the month up to 28, so that each month has one. */
const spans = [
  { least: 0, most: 6 },
  { least: 1, most: 12 },
  { least: 1, most: 28 },
  { least: 0, most: 23 },
  { least: 0, most: 59 },
  { least: 0, most: 59 },
]

/**
 * Jenkins' `H` in cron: a number that depends on the job's id and the field, so that it stays while the job is changed,
 * and jobs with one text spread. `H(0-29)` keeps to a span, `H/15` is a step with a start of its own. Other text is
 * unchanged.
 */
export function spread(expr: string, id: string): string {
  if (!/(^| |,)H/.test(expr)) return expr
  const fields = expr.split(' ')
  return fields
    .map((field, index) => {
      const span = spans[Math.min(fields.length, 6) - 1 - index]
      return span
        ? field.replace(/\bH(?:\((\d{1,2})-(\d{1,2})\))?(?:\/(\d{1,2}))?(?![A-Za-z])/g, (_, from, to, step) =>
            numberFor(hashOf(`${id} ${index - fields.length}`), {
              least: Number(from ?? span.least),
              most: Number(to ?? span.most),
              step: step === undefined ? null : Number(step),
            }),
          )
        : field
    })
    .join(' ')
}

function numberFor(
  hash: number,
  { least, most, step }: { least: number; most: number; step: number | null },
): string {
  if (least > most || step === 0) return 'H'
  if (step === null) return String(least + (hash % (most - least + 1)))
  return `${least + (hash % Math.min(step, most - least + 1))}-${most}/${step}`
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0
  // neighbours differ in their low bits only
  return (hash ^ (hash >>> 15)) >>> 0
}
