/**
 * Names that a template of a delivery may use. Compared with those of an action, secrets and earlier outputs are left out: the former
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
