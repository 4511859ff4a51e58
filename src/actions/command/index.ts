import type { Static } from 'typebox'
import { problemAt } from '../../ground/problem.ts'
import type { ActionType } from '../type.ts'
import { shellLineIn } from './check.ts'
import { areOff } from './off.ts'
import { commandSchema } from './schema.ts'

export const command = {
  type: 'command',
  docs: 'runs a program; off unless you switch it on',
  schema: commandSchema,
  secretsOf: ['args', 'env', 'stdin'],
  callsOf: () => [],
  check(fields, path) {
    const sentence = shellLineIn(fields['command'])
    return sentence === null ? [] : [problemAt(path, 'command', sentence)]
  },
  lacks: (_fields, path, { areCommandsOn }) => (areCommandsOn ? [] : [problemAt(path, 'type', areOff)]),
  async load() {
    const { runCommand } = await import('./run.ts')
    return ({ job, run, signal, context }, { commands }) => runCommand(job, run, signal, context, commands)
  },
} as const satisfies ActionType<Static<ReturnType<typeof commandSchema>>>
