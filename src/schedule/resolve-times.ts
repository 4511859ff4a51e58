import type { Cursor } from './cursor.ts'
import type { Frame } from './frame.ts'
import { fieldText, timeFields } from './fields-text.ts'
import { clockText } from './said-times.ts'

/** Cron's fields before the days. */
export function timesOf(cursor: Cursor, frame: Frame): string[] {
  const { every, window, minutes, times } = frame
  const isShort = every && (every.unit === 'hour' || every.unit === 'minute' || every.unit === 'second')
  if (!isShort) {
    if (minutes.length > 0)
      throw cursor.misread('says a minute and no hour', ['hourly at :15', 'every day at 9:15'], 0)
    if (window)
      throw cursor.misread(
        'has a span of the day and does not say how often in it',
        [`every hour ${cursor.text}`, `every 15 minutes ${cursor.text}`],
        0,
      )
    return timeFields(times.length > 0 ? times.map(({ seconds }) => seconds) : [0])
  }
  if (times.length > 0) {
    const [{ seconds } = { seconds: 0 }] = times
    const found = cursor.tokens.findIndex(
      ({ kind, text }) => kind === 'clock' || ['noon', 'midday', 'midnight'].includes(text),
    )
    const index = found < 0 ? cursor.tokens.length - 1 : found
    const minute = /^\d{1,2}$/.test(cursor.tokens.at(-1)?.text ?? '')
      ? [`hourly at :${(cursor.tokens.at(-1)?.text ?? '').padStart(2, '0')}`]
      : []
    throw cursor.misread(
      'is a time of day beside a step of less than a day',
      [...minute, `every day at ${clockText(seconds)}`],
      index,
    )
  }
  return timesOfStep(cursor, frame, every)
}

function timesOfStep(cursor: Cursor, frame: Frame, { count, unit }: NonNullable<Frame['every']>): string[] {
  const { minutes, window, startingAt } = frame
  if (unit === 'second') return secondFields(cursor, count, window)
  const step = count * (unit === 'hour' ? 3600 : 60)
  if (minutes.length > 0 && (unit !== 'hour' || !Number.isInteger(count)))
    throw cursor.misread('says a minute beside a step that is not whole hours', ['every hour at :15'], 0)
  if (step > 86_400)
    throw cursor.misread('is more than a day, and cannot keep to some days', ['every 2 days at 9am'], 0)
  if (!window && startingAt === null) return wholeDayFields({ step, unit, minutes })
  const from = window?.from ?? startingAt ?? 0
  const to = window ? (window.to > from ? window.to : window.to + 86_400) : cyclic(from, step)
  // the last hour is meant itself ("every hour from 9 to 17"), the last minute is not ("every 15 minutes between 9 and 17")
  const isIncluded = unit === 'hour' && window !== null
  const list: number[] = []
  for (let time = from; time < to || (isIncluded && time === to); time += step) {
    for (const minute of minutes.length > 0 ? minutes : [0]) {
      if (time - (time % 3600) + minute * 60 < to || minutes.length === 0)
        list.push((time + minute * 60) % 86_400)
    }
  }
  return timeFields(list)
}

/** Steps that fill a day go round the clock from their start; others begin again at it. */
function cyclic(from: number, step: number): number {
  return 86_400 % step === 0 ? from + 86_400 : 86_400
}

function wholeDayFields({
  step,
  unit,
  minutes,
}: {
  step: number
  unit: string
  minutes: number[]
}): string[] {
  const hours = step / 3600
  if (unit === 'hour' && Number.isInteger(hours) && 24 % hours === 0) {
    const minute = fieldText(minutes.length > 0 ? minutes : [0], { size: 60 })
    return [`${minute} ${hours === 1 ? '*' : `*/${hours}`}`]
  }
  const list = Array.from({ length: Math.ceil(86_400 / step) }, (_, index) => index * step)
  return timeFields(
    minutes.length > 0 ? list.flatMap((time) => minutes.map((minute) => time + minute * 60)) : list,
  )
}

function secondFields(cursor: Cursor, count: number, window: Frame['window']): string[] {
  if (60 % count !== 0 || (window && (window.from % 3600 || window.to % 3600)))
    throw cursor.misread(
      'seconds fit into whole minutes and hours only',
      ['every 30 seconds between 9am and 5pm'],
      0,
    )
  const last = window && (window.to > window.from ? window.to : window.to + 86_400)
  const hours = window
    ? Array.from(
        { length: ((last ?? 0) - window.from) / 3600 },
        (_, index) => (window.from / 3600 + index) % 24,
      )
    : []
  return [`${count === 1 ? '*' : `*/${count}`} * ${window ? fieldText(hours, { size: 24 }) : '*'}`]
}
