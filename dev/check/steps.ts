export type Step = { name: string; command: string; args: string[]; exitCode: number }

/** Paths of one machine, for `git grep -E`: they do not belong into a file for everyone. */
export const machinePaths = '(^|[^A-Za-z0-9._~-])/(work|farm|Users|home/[a-z]+)/'

/** What `npm run check` runs, each with the exit code that means "nothing found". */
export const steps: Step[] = [
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', '.'], exitCode: 0 },
  { name: 'types of the page', command: 'tsc', args: ['--noEmit', '-p', 'web'], exitCode: 0 },
  { name: 'lint', command: 'oxlint', args: [], exitCode: 0 },
  { name: 'format', command: 'biome', args: ['format', '--max-diagnostics=50', '.'], exitCode: 0 },
  { name: 'dead code', command: 'knip', args: ['--no-progress'], exitCode: 0 },
  // what only tests and tools use is no part of the service; an export for tests says so with @internal
  {
    name: 'exports for tests alone',
    command: 'knip',
    args: ['--production', '--no-progress'],
    exitCode: 0,
  },
  { name: 'words', command: 'node', args: ['dev/check/words.ts'], exitCode: 0 },
  { name: 'machine paths', command: 'git', args: ['grep', '-nIE', machinePaths], exitCode: 1 },
]
