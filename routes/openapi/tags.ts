/** Of what Chronos sends, which no path has. */
export const webhookTag = 'Sent by Chronos'

/** The tags of operations, in the order of docs/routes.md. The first one whose pattern fits a path has it. */
export const tags = [
  { name: 'Jobs', holds: /^\/api\/(jobs|tries)\b/, description: 'What is to be done, and when.' },
  {
    name: 'Files of jobs',
    holds: /^\/(api\/(plan|apply|export)|chronos\.schema\.json)$/,
    description: 'Jobs that are kept in a file: what would change, and the change as a whole.',
  },
  {
    name: 'Runs',
    holds: /^\/api\/runs(\/\{id\}(\/(cancel|retry|logs|request))?)?$/,
    description: 'What was done, with attempts, outputs and logs.',
  },
  {
    name: 'Deliveries and channels',
    holds: /^\/api\/(runs\/.*\/deliveries|deliveries|channels)\b/,
    description: 'Who is told how a run ended.',
  },
  {
    name: 'Overviews',
    holds: /^\/api\/(timeline|failures|costs)\b/,
    description: 'Many jobs at once.',
  },
  { name: 'Schedules', holds: /^\/api\/schedules\b/, description: 'Schedules without a job.' },
  {
    name: 'Projects',
    holds: /^\/api\/projects\b/,
    description: 'Whose jobs, channels, secrets and keys they are; quotas, and a pause of all of them.',
  },
  {
    name: 'Secrets, keys and audit',
    holds: /^\/api\/(secrets|keys|audit)\b/,
    description: 'Values that jobs mention and no one sees, who may do what, and who did.',
  },
  {
    name: 'The service',
    holds: /^\/(api\/(status|cron\/reconcile)|metrics|healthz?|readyz|openapi)\b/,
    description: 'Its health, its numbers and this document.',
  },
  {
    name: 'For NAS',
    holds: /^\/api\/cron\/fire$/,
    description: 'What the timer service calls when a job is due.',
  },
  {
    name: 'For targets that report later',
    holds: /^\/api\/callbacks\b/,
    description: 'The address that a call with `callback` carries.',
  },
  { name: 'For agents', holds: /^\/(mcp|llms\.txt)$/, description: 'The same service for agents.' },
  {
    name: 'For the page',
    holds: /^\/api\/session\b/,
    description: 'Signing in with a browser.',
  },
  {
    name: 'For existing clients',
    holds: /^\/v1\b/,
    description: 'Routes that clients of agents ask for.',
  },
  { name: webhookTag, holds: /^$/, description: 'What Chronos sends.' },
] as const

/** @throws Error: no tag fits; each route needs one. */
export function tagOf(path: string): string {
  const tag = tags.find(({ holds }) => holds.test(path))
  if (!tag) throw new Error(`no tag in routes/openapi/tags.ts fits ${path}`)
  return tag.name
}
