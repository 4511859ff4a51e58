import { parseArgs } from 'node:util'
import { killAtRandom } from './kill.ts'

/** `npm run relay:kill`: kills the relay at random moments; exits 1 if a confirmed wake-up was lost or armed double. */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    program: { type: 'string', default: 'relay/node/main.ts' },
  },
})
const account = await killAtRandom({
  kills: Number(values.kills),
  program: values.program,
  say: (text) => console.log(text),
})
const { wrong, ...counts } = account
console.log(
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
)
for (const one of wrong) console.error(`✖ ${one}`)
if (wrong.length === 0) console.log('None lost, none armed double.')
process.exit(wrong.length === 0 ? 0 : 1)
