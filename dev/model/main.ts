// `node dev/model/main.ts [--port N]`: a model for prompts, without one. It says what it was asked, word by word.
import { parseArgs } from 'node:util'
import { startModel } from './index.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })
const model = await startModel({
  port: Number(values.port),
  print: (line) => process.stdout.write(`${line}\n`),
})
process.stdout.write(`model ${model.url} (PROMPT_BASE_URL; another manner: POST ${model.url}/_behave)\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void model.close())
