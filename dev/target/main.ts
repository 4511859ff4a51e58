// `node dev/target/main.ts [--port N] [--log FILE]`: a target for jobs, to look at what they really send.
import { parseArgs } from 'node:util'
import { startTarget } from './index.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, log: { type: 'string' } } })
const target = await startTarget({
  port: Number(values.port),
  ...(values.log === undefined ? {} : { log: values.log }),
  print: (line) => process.stdout.write(`${line}\n`),
})
process.stdout.write(`target ${target.url} (what came in: ${target.url}/_calls)\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void target.close())
