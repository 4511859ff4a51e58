import type { ReadFamily } from './read.ts'

/** Units that are no base units, and short forms. */
const badUnits =
  /(?:^|_)(?:milliseconds?|microseconds?|nanoseconds?|minutes?|hours?|days?|weeks?|percent|kilobytes|megabytes|kib|mib|kb|mb|ms|us|ns|s|b|sec|secs)(?:_|$)/

/**
 * What https://prometheus.io/docs/practices/naming and `promtool check metrics` object to, for a machine without promtool:
 * one sentence for each fault.
 */
export function faultsOf({ name, type, help }: ReadFamily): string[] {
  const isOneOf = (suffixes: string[]) => suffixes.some((suffix) => name.endsWith(suffix))
  return [
    help.trim() === '' && 'has no help',
    type === 'counter' && !name.endsWith('_total') && 'is a counter whose name does not end with _total',
    type !== 'counter' && name.endsWith('_total') && 'ends with _total and is no counter',
    !['histogram', 'summary'].includes(type) &&
      isOneOf(['_count', '_sum', '_bucket']) &&
      'ends as a part of a histogram does',
    /(?:^|_)(?:counter|gauge|histogram|summary|untyped)(?:_|$)/.test(name) && 'has its type in its name',
    badUnits.test(name) && 'is not in a base unit (seconds, bytes), or shortens it',
    /[a-z][A-Z]/.test(name) && 'is not in snake case',
    name.includes(':') && 'has a colon, which is for recording rules',
  ]
    .filter((fault) => fault !== false)
    .map((fault) => `${name} ${fault}`)
}
