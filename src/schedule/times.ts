import type { CronFields } from './cron.ts'

/** The times of a day that a rule names, numbered 0, 1, 2 … in the order in which they come. In seconds of the day. */
export type Times = {
  perDay: number
  at(index: number): number
  /** How many of them come before `time` (up to and including 86400). */
  countBefore(time: number): number
}

/** Every combination of the hours, minutes and seconds. Nothing is listed, so that 86,400 of them cost no memory. */
export function timesOfFields({
  hours,
  minutes,
  seconds,
}: Pick<CronFields, 'hours' | 'minutes' | 'seconds'>): Times {
  const hoursBelow = countsBelow(hours, 24)
  const minutesBelow = countsBelow(minutes, 60)
  const secondsBelow = countsBelow(seconds, 60)
  const perHour = minutes.length * seconds.length
  return {
    perDay: hours.length * perHour,
    at(index) {
      const hour = hours[Math.floor(index / perHour)] ?? 0
      const minute = minutes[Math.floor(index / seconds.length) % minutes.length] ?? 0
      return hour * 3600 + minute * 60 + (seconds[index % seconds.length] ?? 0)
    },
    countBefore(time) {
      const hour = Math.floor(time / 3600)
      const minute = Math.floor(time / 60) % 60
      const before = below(hoursBelow, hour) * perHour
      if (below(hoursBelow, hour) === below(hoursBelow, hour + 1)) return before
      const beforeInHour = before + below(minutesBelow, minute) * seconds.length
      if (below(minutesBelow, minute) === below(minutesBelow, minute + 1)) return beforeInHour
      return beforeInHour + below(secondsBelow, time % 60)
    },
  }
}

/** `sorted`: without repeats. */
export function timesOfList(sorted: number[]): Times {
  return {
    perDay: sorted.length,
    at: (index) => sorted[index] ?? 0,
    countBefore(time) {
      let [low, high] = [0, sorted.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if ((sorted[middle] ?? 0) < time) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}

export function listOf(times: Times): number[] {
  return Array.from({ length: times.perDay }, (_, index) => times.at(index))
}

/** At `value`: how many of `values` are smaller. */
function countsBelow(values: number[], size: number): number[] {
  return Array.from({ length: size + 1 }, (_, limit) => values.filter((value) => value < limit).length)
}

function below(counts: number[], value: number): number {
  return counts[value] ?? counts.at(-1) ?? 0
}
