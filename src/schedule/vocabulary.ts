import type { StepUnit } from './steps.ts'

const named = (groups: string[]) =>
  new Map(
    groups.flatMap((names, number) =>
      names === '-' ? [] : names.split(' ').map((name) => [name, number] as const),
    ),
  )

export const weekdayNumbers = named([
  'sun sunday su',
  'mon monday mo',
  'tue tues tuesday tu',
  'wed weds wednesday we',
  'thu thur thurs thursday th',
  'fri friday fr',
  'sat saturday sa',
])

/** From 1. */
export const monthNumbers = named([
  '-',
  'jan january',
  'feb february',
  'mar march',
  'apr april',
  'may',
  'jun june',
  'jul july',
  'aug august',
  'sep sept september',
  'oct october',
  'nov november',
  'dec december',
])

export const dayGroups = new Map<string, number[]>([
  ['weekday', [1, 2, 3, 4, 5]],
  ['workday', [1, 2, 3, 4, 5]],
  ['weekend', [0, 6]],
])

export type Unit = 'second' | 'minute' | 'hour' | StepUnit

/** With how many of the unit the word stands for. */
export const units = new Map<string, [Unit, number]>(
  Object.entries({
    'second sec s': ['second', 1],
    'minute min m': ['minute', 1],
    'hour hr h': ['hour', 1],
    'day d': ['day', 1],
    'week wk w': ['week', 1],
    fortnight: ['week', 2],
    month: ['month', 1],
    quarter: ['month', 3],
    'year yr': ['year', 1],
  } satisfies Record<string, [Unit, number]>).flatMap(([names, unit]) =>
    names
      .split(' ')
      .flatMap((name) => [
        [name, unit] as [string, [Unit, number]],
        [`${name}s`, unit] as [string, [Unit, number]],
      ]),
  ),
)

const upToTen = 'a one two three four five six seven eight nine ten eleven twelve'.split(' ')

export const numberWords = new Map([
  ...upToTen.map((word, index) => [word, Math.max(1, index)] as const),
  ['an', 1] as const,
  ...Object.entries({
    couple: 2,
    fifteen: 15,
    twenty: 20,
    thirty: 30,
    forty: 40,
    fortyfive: 45,
    sixty: 60,
    ninety: 90,
  }),
])

export const ordinalWords = named([
  '-',
  'first',
  'second',
  'third',
  'fourth',
  'fifth',
  'sixth',
  'seventh',
  'eighth',
  'ninth',
  'tenth',
  'eleventh',
  'twelfth',
])

/** What a word alone repeats: how many units, with its times of day where they differ from midnight. */
export const adverbs = new Map<string, [Unit, number]>([
  ['minutely', ['minute', 1]],
  ['hourly', ['hour', 1]],
  ['daily', ['day', 1]],
  ['nightly', ['day', 1]],
  ['everyday', ['day', 1]],
  ['weekly', ['week', 1]],
  ['fortnightly', ['week', 2]],
  ['monthly', ['month', 1]],
  ['quarterly', ['month', 3]],
  ['yearly', ['year', 1]],
  ['annually', ['year', 1]],
])

/** Words that two people read differently, or that name no day; with what may be meant. */
export const unclear = new Map<string, string[]>([
  ['biweekly', ['every 2 weeks', 'every monday and thursday at 9am']],
  ['bimonthly', ['every 2 months', 'on the 1st and 15th of every month at 9am']],
  ['semimonthly', ['on the 1st and 15th of every month at 9am']],
  ['biannually', ['every 6 months', 'every 2 years']],
  ['semiannually', ['every 6 months']],
  ['biannual', ['every 6 months', 'every 2 years']],
  ['end', ['last day of the month at 6pm']],
  ['middle', ['on the 15th of every month at 9am']],
  ['mid', ['on the 15th of every month at 9am']],
  ['next', ['next monday at 9am', 'in 1 week']],
  ['now', ['in 1m']],
  ['sometimes', ['every day at 9am']],
  ['beginning', ['first day of the month at 9am']],
  ['start', ['first day of the month at 9am']],
  ['halfyearly', ['every 6 months', 'on the 1st of january and july at 9am']],
])

/** Words that are not read, with what says it. */
export const instead = new Map<string, string[]>([
  ...['even', 'uneven', 'odd', 'alternate', 'alternating'].map(
    (word) => [word, ['other']] as [string, string[]],
  ),
  ['ev', ['every']],
  ['all', ['every']],
  ['mwf', ['mon, wed and fri']],
  ['tth', ['tue and thu']],
  ['after', ['in']],
  ['mornings', ['every morning']],
  ['afternoons', ['every afternoon']],
  ['evenings', ['every evening']],
  ['nights', ['nightly']],
  ['weeknights', ['weekdays']],
  ['later', ['in 2h']],
  ['yesterday', ['tomorrow']],
  ['dawn', ['6am']],
  ['sunrise', ['every day at 6am']],
  ['sunset', ['6pm', 'every day at 6pm']],
  ['dusk', ['6pm', 'every day at 6pm']],
  ['lunch', ['noon']],
  ['lunchtime', ['noon']],
  ['christmas', ['december 25', 'december 25 at 9am every year']],
  ['decade', ['10 years']],
  ['century', ['100 years']],
  ['millisecond', ['second']],
  ['asap', ['in 1m']],
  ['immediately', ['in 1m']],
  ['startup', ['in 1m']],
  ['boot', ['in 1m']],
  ['uhr', ['']],
  ['um', ['at']],
  ['täglich', ['daily']],
  ['montags', ['mondays']],
])

/** A time that people mean by a part of the day, to be suggested and never to be taken for granted. */
export const partsOfDay = new Map([
  ['morning', '8am'],
  ['afternoon', '2pm'],
  ['evening', '6pm'],
  ['night', '10pm'],
])

/** Abbreviations stand for several zones, or do not follow clock changes. */
export const zoneAbbreviations = new Map(
  Object.entries({
    'America/New_York': 'est edt et',
    'America/Chicago': 'cst cdt ct',
    'America/Denver': 'mst mdt mt',
    'America/Los_Angeles': 'pst pdt pt',
    'Europe/London': 'bst',
    'Europe/Berlin': 'cet cest',
    'Europe/Athens': 'eet eest',
    'Europe/Moscow': 'msk',
    'Asia/Kolkata': 'ist',
    'Asia/Tokyo': 'jst',
    'Asia/Singapore': 'sgt',
    'Australia/Sydney': 'aest aedt',
    UTC: 'z zulu',
  }).flatMap(([zone, names]) => names.split(' ').map((name) => [name, zone] as const)),
)

/** Every other word that a phrase may have, for what a mistyped word is nearest to. */
const others =
  'every each other on at in of the and to from until between through except past half quarter noon midnight today tonight tomorrow next last once month starting'

export const allWords = [
  ...new Set([
    ...[weekdayNumbers, monthNumbers, dayGroups, units, numberWords, ordinalWords, adverbs, partsOfDay]
      .flatMap((words: Map<string, unknown>) => [...words.keys()])
      .filter((word) => word.length > 2),
    ...[...weekdayNumbers.keys()].filter((word) => word.endsWith('day')).map((word) => `${word}s`),
    ...['weekdays', 'weekends'],
    ...others.split(' '),
  ]),
]
