import { resolve } from 'node:path'

/**
 * Files that take half a minute or more on a busy machine, the longest first. What starts last ends last: one of these
 * at the end of a run would leave the other cores idle. `npm test` prints the slowest files at its end.
 */
export const longFiles = [
  'test/conformance/program.test.ts',
  'test/conformance/bites-service.test.ts',
  'test/conformance/bites-portal.test.ts',
  'test/check/rules.test.ts',
  'test/fuzz/bites.test.ts',
  'test/fly/exit-races.test.ts',
  'test/service/dead-login.test.ts',
  'test/reliability/processes.test.ts',
  'test/reliability/kill.test.ts',
  'test/start/start.test.ts',
  'test/fly/trouble.test.ts',
  'test/fly/programs.test.ts',
  'test/conformance/elsewhere.test.ts',
  'test/conformance/bites-nas.test.ts',
  'test/relay/worker.test.ts',
  'test/relay/process.test.ts',
  'test/relay/service.test.ts',
  'test/secrets/canary.test.ts',
  'test/rest/large-bodies.test.ts',
  'test/stories/provisions.test.ts',
  'test/policies/bursts.test.ts',
  'test/policies/slots.test.ts',
  'test/simulation/worlds.test.ts',
  'test/stories/deliveries.test.ts',
  'test/timers/nas.test.ts',
  'test/fly/going-down.test.ts',
  'test/fly/fires.test.ts',
  'test/timers/qstash.test.ts',
  'test/timers/cloud-tasks.test.ts',
  'test/cloud-tasks/service.test.ts',
]

/** The same files, those that take long before all others. */
export function longestFirst(files: string[]): string[] {
  const long = longFiles.map((file) => resolve(file)).filter((file) => files.includes(file))
  return [...long, ...files.filter((file) => !long.includes(file))]
}
