// `npm run deploy:check -- URL`: tries a deployed service from outside, and says what is wrong.
import { parseArgs } from 'node:util'
import { checkDeployment, type CheckOptions } from './check.ts'

const usage = `API_KEY=… npm run deploy:check -- https://my-app.fly.dev
  --always-on         the service is meant to be its own timer, and to stay up
  --target URL        what the job of the check calls; it has to answer 2xx (default: https://example.com/)
  --due-in SECONDS    when the job is due (default: 10)
  --patience S        how long to wait for a late fire (default: 30)
  --sleep-within S    the longest wait for the machine to go down (default: 60)`

process.exitCode = await main()

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env['API_KEY'])
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${usage}\n`)
    return 2
  }
  const isWell = await checkDeployment({ ...options, say: (line) => void process.stdout.write(`${line}\n`) })
  process.stdout.write(isWell ? '\nAll is well.\n' : '\nSomething is wrong; see the lines with ✖.\n')
  return isWell ? 0 : 1
}

/** A text: what is wrong with the command. */
function readOptions(args: string[], apiKey: string | undefined): Omit<CheckOptions, 'say'> | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        'always-on': { type: 'boolean', default: false },
        target: { type: 'string', default: 'https://example.com/' },
        'due-in': { type: 'string', default: '10' },
        patience: { type: 'string', default: '30' },
        'sleep-within': { type: 'string', default: '60' },
      },
    })
    const [url = '', ...more] = positionals
    if (!/^https?:/.test(url) || !URL.canParse(url) || more.length > 0)
      return 'Name one URL, that of the service.'
    if (!apiKey) return 'API_KEY is not set: the API key of the service, or one with the scope admin.'
    return {
      url: url.replace(/\/+$/, ''),
      apiKey,
      isAlwaysOn: values['always-on'],
      targetUrl: values.target,
      dueInS: secondsIn(values['due-in'], '--due-in'),
      patienceMs: secondsIn(values.patience, '--patience') * 1000,
      sleepWithinMs: secondsIn(values['sleep-within'], '--sleep-within') * 1000,
    }
  } catch (error) {
    return (error as Error).message
  }
}

function secondsIn(text: string, name: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new Error(`${name} has to be whole seconds, not "${text}".`)
}
