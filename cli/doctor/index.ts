import type { Context } from '../context.ts'
import { exitCodes, Stop } from '../io.ts'
import { profileAt, profileOf } from '../profile.ts'
import { createCall, Unreachable, Wrong } from './call.ts'
import { answers, findingsIn, isReady, takesKey, timerOf } from './questions.ts'
import { reportTo } from './report.ts'
import { checkSleep } from './sleep.ts'
import { tryJob } from './try.ts'

export type DoctorWish = {
  try?: boolean
  alwaysOn?: boolean
  target: string
  dueIn: number
  patience: number
  sleepWithin: number
}

/**
 * Looks at a deployment from outside, as its clients see it: is it there, is it ready, does it take the key, how is it.
 * With `try` as its timer sees it, too: is a job fired when it is due, does it run and is it armed again, does the machine
 * sleep again. What it makes it removes. Exit code 1 if something is wrong.
 */
export async function doctor(context: Context, url: string | undefined, wish: DoctorWish) {
  const { io } = context
  const profile =
    url === undefined ? await profileOf(io, context.wished) : await profileAt(io, url, context.wished)
  const report = reportTo(context)
  const { findings, good, bad } = report
  const call = createCall(profile, io)
  const options = {
    url: profile.url,
    targetUrl: wish.target,
    dueInS: wish.dueIn,
    isAlwaysOn: wish.alwaysOn ?? false,
    patienceMs: wish.patience * 1_000,
    sleepWithinMs: wish.sleepWithin * 1_000,
  }
  try {
    good(await answers(call))
    good(await isReady(call))
    const status = await takesKey(call)
    good('it takes the API key')
    const timer = status.scheduler
      ? timerOf(status, { hasToSleep: wish.try === true && !options.isAlwaysOn })
      : { isWrong: false, text: `it is woken by ${status.provider}` }
    if (timer.isWrong) bad(timer.text)
    else good(timer.text)
    for (const { ok, text } of findingsIn(status, profile.url)) (ok ? good : bad)(text)
    if (wish.try) {
      const removedAt = await tryJob(call, options, report)
      // a key of a project does not see when the process began
      if (!timer.isWrong && !options.isAlwaysOn && status.process) {
        const { isAsleep, text } = await checkSleep(call, removedAt, options.sleepWithinMs)
        if (isAsleep) good(text)
        else bad(text)
      }
    }
  } catch (error) {
    if (!(error instanceof Wrong) && !(error instanceof Unreachable)) throw error
    bad(error.message)
  }
  const isWell = findings.every(({ ok }) => ok)
  context.show({ ok: isWell, findings }, () =>
    isWell ? '\nAll is well.\n' : '\nSomething is wrong; see the lines with ✖.\n',
  )
  if (!isWell) throw new Stop('', exitCodes.failed)
}
