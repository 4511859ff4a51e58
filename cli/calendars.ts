import { open, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import type { Json } from './api.ts'
import { exitCodes, Stop } from './io.ts'

/** As the service takes it. */
const longestCalendar = 100_000
const mostCalendars = 100

/**
 * A file of jobs whose schedules name iCalendar files (`except: holidays.ics`), with the texts of those files: the service
 * reads no file. They have to lie in `folder`, or below it.
 *
 * @throws Stop: one is outside, missing or too long
 */
export async function withCalendars(file: Json, folder: string): Promise<Json> {
  const texts = new Map<string, string>()
  const read = async (path: string) => {
    const known = texts.get(path)
    if (known !== undefined) return known
    if (texts.size >= mostCalendars)
      throw new Stop(`The file names more than ${mostCalendars} calendars.`, exitCodes.usage)
    const text = await calendarIn(folder, path)
    texts.set(path, text)
    return text
  }
  const filled = async (job: Json) =>
    isObject(job) && job.schedule !== undefined
      ? { ...job, schedule: await filledIn(job.schedule, read) }
      : job
  if (!isObject(file)) return file
  const jobs = isObject(file.jobs)
    ? await Promise.all(Object.entries(file.jobs).map(async ([key, job]) => [key, await filled(job)]))
    : null
  return {
    ...file,
    ...(file.defaults !== undefined && { defaults: await filled(file.defaults) }),
    ...(jobs && { jobs: Object.fromEntries(jobs) as object }),
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCalendar = (value: unknown): value is string =>
  typeof value === 'string' && /^[^\r\n]*\.ics$/i.test(value)

/** In the text of a schedule, `…; except holidays.ics`, it is a part of its own. */
const inText = /(?:^|;)\s*except\s+([^;\r\n]*\.ics)\s*(?=;|$)/gi

async function filledIn(schedule: Json, read: (path: string) => Promise<string>): Promise<Json> {
  if (typeof schedule === 'string' || Array.isArray(schedule)) {
    const text = [schedule].flat().join('; ')
    const named = [...text.matchAll(inText)].map(([, path = '']) => path.trim())
    if (named.length === 0) return schedule
    return filledIn({ rules: text.replaceAll(inText, '').replace(/^\s*;\s*/, ''), except: named }, read)
  }
  if (!isObject(schedule)) return schedule
  const given = [schedule.except ?? []].flat() as unknown[]
  const ofExcept = given.filter(isCalendar)
  const named = isCalendar(schedule.except_calendar) ? [...ofExcept, schedule.except_calendar] : ofExcept
  if (named.length === 0) return schedule
  if (named.length > 1 || (ofExcept.length > 0 && schedule.except_calendar !== undefined))
    throw new Stop(`A schedule takes one calendar, and here are more: ${named.join(', ')}.`, exitCodes.usage)
  const { except: _, ...rest } = schedule
  const others = given.filter((one) => !isCalendar(one))
  return {
    ...rest,
    ...(others.length > 0 && { except: others }),
    except_calendar: await read(named[0] ?? ''),
  }
}

async function calendarIn(folder: string, path: string): Promise<string> {
  const place = await realpath(resolve(folder, path)).catch(() => {
    throw new Stop(`${path} cannot be read. It has to lie beside the file of jobs.`, exitCodes.usage)
  })
  const way = relative(await realpath(folder), place)
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw new Stop(`${path} is outside of the folder of the file of jobs. Put it there.`, exitCodes.usage)
  // anything else could keep the command waiting
  if (!(await stat(place)).isFile()) throw new Stop(`${path} is no file.`, exitCodes.usage)
  const text = await startOf(place)
  if (text.length <= longestCalendar) return text
  throw new Stop(`${path} has more than ${longestCalendar} characters.`, exitCodes.usage)
}

/** No more of a file than tells that it is too long: it may be endless. */
async function startOf(place: string): Promise<string> {
  const file = await open(place)
  try {
    const most = Buffer.alloc(longestCalendar * 4 + 1)
    const { bytesRead } = await file.read(most, 0, most.length, 0)
    return most.subarray(0, bytesRead).toString('utf8')
  } finally {
    await file.close()
  }
}

/** Of a file of jobs; of standard input the folder in which the command is typed. */
export const folderOf = (file: string) => (file === '-' ? '.' : dirname(resolve(file)))
