/**
 * What a template of a delivery may name. Of what an action may, secrets and earlier outputs are left out: the former
 * would be redacted, and the latter have been told.
 */
export const templateNames = [
  'event',
  'slot',
  'attempt',
  'trigger',
  'now',
  'job.id',
  'job.name',
  'run.id',
  'run.state',
  'run.output',
  'run.error',
  'run.duration_ms',
  'input',
  'input.<path>',
] as const
