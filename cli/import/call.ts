import { hasSecret } from './imported.ts'
import { wordsOf } from './words.ts'

type HttpAction = {
  type: 'http'
  method: string
  url: string
  headers?: Record<string, string>
  body?: string
  timeout_ms?: number
}

type Found = { action: HttpAction; notes: string[] }

/** A call of curl or wget of which nothing is lost as an http action, which needs no program; null: another one. */
export function callOf(words: string[] | null): Found | null {
  const [program = '', ...args] = words ?? []
  const [, name = ''] = /^(?:.*\/)?(curl|wget)$/.exec(program) ?? []
  if (name === '') return null
  const read = name === 'curl' ? curl(args) : wget(args)
  if (!read || read.urls.length !== 1 || !/^https?:\/\//.test(read.urls[0] ?? '')) return null
  const [url = ''] = read.urls
  const headers = Object.fromEntries(read.headers)
  const hasKey = read.headers.some(
    ([header, value]) => !hasSecret(value) && /^(authorization|cookie)$|key|token|secret/i.test(header),
  )
  return {
    action: {
      ...{ type: 'http', method: read.method ?? (read.body === null ? 'GET' : 'POST'), url },
      ...(read.headers.length > 0 && { headers }),
      ...(read.body !== null && { body: read.body }),
      ...(read.timeoutMs !== null && { timeout_ms: read.timeoutMs }),
    },
    notes: [
      'The call became an http action.',
      ...(hasKey || /[?&](key|token|secret|password)=/i.test(url)
        ? ['A credential stands in it: store it as a secret, and name it as {{secrets.NAME}}.']
        : []),
      ...read.notes,
    ],
  }
}

const discarded = /\s*(?:&>|[12]?>)\s*\/dev\/null(?:\s+2>\s*(?:&1|\/dev\/null))?$/

/** Of a line of a shell, whose output may go nowhere. */
export function callOfLine(line: string): Found | null {
  // a line that goes on in the next one
  return callOf(
    wordsOf(
      line
        .replaceAll(/\\\r?\n/g, ' ')
        .trimEnd()
        .replace(discarded, ''),
    ),
  )
}

type Read = {
  method: string | null
  urls: string[]
  headers: [string, string][]
  body: string | null
  timeoutMs: number | null
  notes: string[]
}

const nothing = (): Read => ({
  ...{ method: null, urls: [], headers: [], body: null, timeoutMs: null, notes: [] },
})

/** Options that change nothing here: what is shown, and whether redirects or failures count. */
const quietOfCurl = new Set(
  '-f -s -S -L --fail --silent --show-error --location --fail-with-body --no-progress-meter -4 -6 --compressed'.split(
    ' ',
  ),
)

function curl(args: string[]): Read | null {
  const read = nothing()
  let type: string | null = null
  for (const { option, value, take } of optionsIn(args)) {
    if (option === null) read.urls.push(value)
    else if (quietOfCurl.has(option)) continue
    else if (/^(-X|--request)$/.test(option)) read.method = take().toUpperCase()
    else if (/^(-H|--header)$/.test(option)) read.headers.push(headerIn(take()))
    else if (/^(-A|--user-agent)$/.test(option)) read.headers.push(['user-agent', take()])
    else if (/^(-d|--data|--data-raw|--json)$/.test(option)) {
      const data = take()
      if (read.body !== null || (data.startsWith('@') && option !== '--data-raw')) return null
      read.body = data
      type = option === '--json' ? 'application/json' : 'application/x-www-form-urlencoded'
    } else if (/^(-m|--max-time)$/.test(option)) read.timeoutMs = millisecondsIn(take())
    else if (/^(--connect-timeout|--retry-delay|--retry-max-time)$/.test(option)) take()
    else if (option === '--retry') {
      const tries = take()
      read.notes.push(`Its --retry ${tries} is \`retry\` of a job here.`)
    } else if (/^(-o|--output)$/.test(option)) {
      // a file that is kept is what the call is for
      if (!/^(-|\/dev\/null)$/.test(take())) return null
    } else if (option === '-I' || option === '--head') read.method = 'HEAD'
    else return null
  }
  // curl's own, unless a header says otherwise
  if (type !== null && !read.headers.some(([name]) => /^content-type$/i.test(name)))
    read.headers.push(['content-type', type])
  // the first of two headers with one name would be lost
  const names = read.headers.map(([name]) => name.toLowerCase())
  return new Set(names).size === names.length ? read : null
}

const quietOfWget = new Set('-q -nv --quiet --no-verbose -4 -6 --no-cache'.split(' '))

function wget(args: string[]): Read | null {
  const read = nothing()
  let isSaved = true
  for (const { option, value, take } of optionsIn(args, /^-q?O-$/)) {
    if (option === null) read.urls.push(value)
    else if (quietOfWget.has(option)) continue
    else if (/^(-O|--output-document)$/.test(option)) {
      if (!/^(-|\/dev\/null)$/.test(take())) return null
      isSaved = false
    } else if (option === '--spider' || option === '--delete-after') {
      if (option === '--spider') read.method = 'HEAD'
      isSaved = false
    } else if (/^(-T|--timeout)$/.test(option)) read.timeoutMs = millisecondsIn(take())
    else if (/^(-t|--tries)$/.test(option)) take()
    else if (option === '--header') read.headers.push(headerIn(take()))
    else if (option === '--post-data') read.body = take()
    else return null
  }
  if (isSaved) read.notes.push('Its answer is not saved to a file.')
  return read
}

type Option = { option: string | null; value: string; take: () => string }

/** Each option, long or short, also short ones that are written together; `take` gives the value of one that has it. */
function* optionsIn(args: string[], outputForm?: RegExp): Generator<Option> {
  const rest = [...args]
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const next = () => rest.shift() ?? ''
    const [, long = '', inline] = /^(--[\w-]+)(?:=(.*))?$/s.exec(arg) ?? []
    if (outputForm?.test(arg)) yield { option: '-O', value: '', take: () => '-' }
    else if (long !== '') yield { option: long, value: '', take: () => inline ?? next() }
    else if (arg === '-nv' || !/^-[A-Za-z46]/.test(arg))
      yield { option: arg === '-nv' ? arg : null, value: arg, take: next }
    else {
      let letters = arg.slice(1)
      while (letters !== '') {
        const letter = letters.slice(0, 1)
        letters = letters.slice(1)
        yield {
          ...{ option: `-${letter}`, value: '' },
          take() {
            const given = letters === '' ? next() : letters
            letters = ''
            return given
          },
        }
      }
    }
  }
}

function headerIn(text: string): [string, string] {
  const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/s.exec(text) ?? []
  return [name.trim(), value.trim()]
}

function millisecondsIn(seconds: string): number | null {
  const ms = Math.round(Number(seconds) * 1_000)
  return ms > 0 ? ms : null
}
