/** Names that a template in an action may use. `<…>` stands for what the author chooses. */
export const actionNames = [
  'slot',
  'attempt',
  'trigger',
  'now',
  'job.id',
  'job.name',
  'run.id',
  'input',
  'input.<path>',
  'last.output',
  'last.run_id',
  'secrets.<NAME>',
] as const

const longestName = 200

/** Names with a part that the author chooses, by the form that they have to have. */
const forms: Record<string, RegExp> = {
  'input.<path>': /^input(\.[\w-]+){1,16}$/,
  'secrets.<NAME>': /^secrets\.[A-Z][A-Z0-9_]{0,63}$/,
}

/** Whether `name` is one of `allowed`, or has the form of one of them. */
export function isAllowed(name: string, allowed: readonly string[]): boolean {
  if (name.length > longestName || name.includes('<')) return false
  return allowed.includes(name) || allowed.some((one) => forms[one]?.test(name))
}
