import fc from 'fast-check'
import { tools } from '../../routes/mcp-tools.ts'
import { type Schema, valuesOf } from './schema.ts'

type Message = { [field: string]: unknown }

/** What agents send to `/mcp`: nearly all of it a message that is understood, and calls of every tool. */
export function messages(components: Record<string, Schema>): fc.Arbitrary<Message> {
  const calls = tools.map(({ name, properties, required }) => {
    const drawn = valuesOf({ type: 'object', properties, required }, components)
    return fc.tuple(drawn, fc.nat(40), fc.nat(9)).map(([given, nth, draw]) => ({
      method: 'tools/call',
      params: {
        name,
        arguments: briefly(name, draw === 0 ? (given as object) : living(given as object, nth)),
      },
    }))
  })
  const id = fc.oneof(fc.nat(1_000), fc.string({ maxLength: 10 }))
  const jobs = fc.nat(40).map((n) => `chronos://jobs/@@job:${n}@@`)
  const uris = fc.oneof(jobs, fc.constantFrom('chronos://runs/x', 'other://x', ''))
  const others: fc.Arbitrary<Message>[] = [
    fc
      .constantFrom('tools/list', 'resources/list', 'resources/templates/list', 'ping', 'server/discover')
      .map((method) => ({ method, params: {} })),
    uris.map((uri) => ({ method: 'resources/read', params: { uri } })),
    fc.constantFrom('2025-06-18', '2025-11-25', '2026-07-28', '1999-01-01').map((protocolVersion) => ({
      method: 'initialize',
      params: { protocolVersion, capabilities: {}, clientInfo: { name: 'fuzz', version: '1' } },
    })),
    fc.string({ maxLength: 20 }).map((method) => ({ method })),
    fc.constant({ method: 'tools/call', params: { name: 'no_tool' } }),
  ]
  const message = fc.oneof(
    ...calls.map((arbitrary) => ({ weight: 2, arbitrary })),
    ...others.map((arbitrary) => ({ weight: 1, arbitrary })),
  )
  return fc.tuple(id, message).map(([n, rest]) => ({ jsonrpc: '2.0', id: n, ...rest }))
}

/** What the transport asks of every client. */
export const messageHeaders: [string, string][] = [['accept', 'application/json, text/event-stream']]

/** Names what is there. */
function living(given: object, nth: number): object {
  return {
    ...given,
    ...('job' in given && { job: `@@job:${nth}@@` }),
    ...('run' in given && { run: `@@run:${nth}@@` }),
  }
}

/** A run is not waited for: some never end, and no answer within the patience of the fuzz is a finding. */
function briefly(tool: string, given: object): object {
  return tool === 'run_job' ? { ...given, wait_s: 1 } : given
}
