import { isDeepStrictEqual } from 'node:util'
import { givenColumns, snakeCase } from '../src/columns/index.ts'
import type { JobInput } from '../src/jobs/input.ts'
import { policyBody } from './policy.ts'

/** A job as a file has it (the key beside it), without the fields that have their defaults. `isPaused` null: not said. */
export function documentOf(job: JobInput, isPaused: boolean | null): Record<string, unknown> {
  const { schedule, timezone, action, prompt, skills, deliver, repeatTimes, after, policy } = job
  const given = Object.keys(givenColumns).map((key) => [snakeCase(key), job[key as keyof JobInput]])
  const { key: _, prompt: __, ...others } = Object.fromEntries(given) as Record<string, unknown>
  const fields = {
    name: job.name,
    schedule,
    timezone,
    after: after && { job: after.job, ...(isDeepStrictEqual(after.on, ['success']) ? {} : { on: after.on }) },
    action,
    prompt: prompt || null,
    skills,
    deliver,
    repeat: repeatTimes,
    ...others,
    ...changedPolicy(policy),
    paused: isPaused || null,
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isNothing(value)))
}

const usualPolicy: Record<string, unknown> = policyBody({})

function changedPolicy(policy: Record<string, unknown>): Record<string, unknown> {
  const fields = Object.entries(policyBody(policy))
  return Object.fromEntries(fields.filter(([name, value]) => !isDeepStrictEqual(value, usualPolicy[name])))
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0)
}
