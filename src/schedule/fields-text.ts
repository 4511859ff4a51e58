/** Cron's text for sorted numbers: `9-16`, `0,6`, `9,17`; `*` for all `size` of them where they are counted from `least`. */
export function fieldText(values: number[], { size, least = 0 }: { size: number; least?: number }): string {
  const sorted = [...new Set(values)].toSorted((a, b) => a - b)
  if (sorted.length === size && sorted[0] === least) return '*'
  const items: string[] = []
  for (let start = 0; start < sorted.length; ) {
    let end = start
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1
    if (end - start < 2) end = start
    items.push(end > start ? `${sorted[start]}-${sorted[end]}` : String(sorted[start]))
    start = end + 1
  }
  return items.join(',')
}

/**
 * Cron's fields before the day (`minute hour`, or `second minute hour`) for times of the day in seconds: hours that have
 * the same minutes are drawn together. Minutes of a step, and all hours, have their `*`.
 */
export function timeFields(times: number[]): string[] {
  const hoursByMinutes = new Map<string, number[]>()
  for (let hour = 0; hour < 24; hour++) {
    const inHour = times.filter((time) => Math.floor(time / 3600) === hour).map((time) => time % 3600)
    if (inHour.length === 0) continue
    for (const key of minuteFields(inHour))
      hoursByMinutes.set(key, [...(hoursByMinutes.get(key) ?? []), hour])
  }
  return [...hoursByMinutes].map(([minutes, hours]) => `${minutes} ${fieldText(hours, { size: 24 })}`)
}

function minuteFields(inHour: number[]): string[] {
  const bySecond = new Map<number, number[]>()
  for (const time of inHour) {
    const minutes = bySecond.get(time % 60) ?? []
    bySecond.set(time % 60, [...minutes, Math.floor(time / 60)])
  }
  return [...bySecond].map(([second, minutes]) => {
    const step = 60 / minutes.length
    const isStep = minutes.length > 2 && minutes.every((minute, index) => minute === index * step)
    const field = isStep && step > 1 ? `*/${step}` : fieldText(minutes, { size: 60 })
    return second === 0 ? field : `${second} ${field}`
  })
}
