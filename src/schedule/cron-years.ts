const [least, most] = [1970, 2199]

/**
 * The year field of Quartz: `*` (null: every year), years, ranges, steps, and lists of these.
 *
 * @throws what `refuse` makes
 */
export function readYears(field: string, refuse: (why: string) => Error): Set<number> | null {
  if (field === '*' || field === '?') return null
  return new Set(field.split(',').flatMap((item) => readItem(item, refuse)))
}

function readItem(item: string, refuse: (why: string) => Error): number[] {
  const groups = /^(?:\*|(\d{4})(?:-(\d{4}))?)(?:\/(\d{1,3}))?$/.exec(item)
  if (!groups) throw refuse(`${JSON.stringify(item)} is not a year`)
  const [, first, last, step] = groups
  const from = Number(first ?? least)
  const to = Number(last ?? (step === undefined ? (first ?? most) : most))
  const by = Number(step ?? 1)
  if (from < least || to > most || from > to || by < 1)
    throw refuse(`the year ${item} is out of range (${least} to ${most})`)
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by)
}
