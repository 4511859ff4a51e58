import { parseArgs } from 'node:util'
import { isHost, killAtRandom } from './kill.ts'

/**
 * `npm run relay:kill`: kills the relay at random moments. Exits 1 if a confirmed wake-up was lost, armed double,
 * delivered twice without a reason, or delivered after it was taken back; 2 for an option that cannot be read.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    host: { type: 'string', default: 'node' },
  },
})
if (!isHost(values.host) || !/^\d+$/.test(values.kills)) {
  console.error('Usage: npm run relay:kill -- [--kills 200] [--host node|worker]')
  process.exit(2)
}
const account = await killAtRandom({
  kills: Number(values.kills),
  host: values.host,
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
