import { basename } from 'node:path'

/** Programs that start another one: their options that have a value, and how many words of their own stand behind those. */
const wrappers: Record<string, { valued: string[]; words: number }> = {
  nice: { valued: ['-n'], words: 0 },
  ionice: { valued: ['-c', '-n'], words: 0 },
  chronic: { valued: [], words: 0 },
  nohup: { valued: [], words: 0 },
  setsid: { valued: [], words: 0 },
  time: { valued: [], words: 0 },
  exec: { valued: [], words: 0 },
  env: { valued: ['-u'], words: 0 },
  sudo: { valued: ['-u', '-g'], words: 0 },
  timeout: { valued: ['-k', '-s'], words: 1 },
  flock: { valued: ['-w', '-E'], words: 1 },
  'docker exec': { valued: ['-u', '-w', '-e'], words: 1 },
}

/** A test, another folder, a variable: the program comes behind the next `&&`, `||` or `;`. */
const before = new Set(['[', '[[', 'test', 'cd', '.', 'source', 'export', 'sleep', 'umask', 'set'])
const shells = /^(?:ba|da|z|k|c|fi)?sh$/
const runners = /^(?:python|node|php|ruby|perl|bun|deno)[\d.]*$/

/** The program that a line of a shell is about, or the script that it runs. */
export function nameOf(command: string): string {
  const words = command.split(/[\s"'(){}]+/).filter((word) => word !== '')
  for (let most = 20; most > 0 && skip(words); most--);
  const [program = '', ...args] = words.map((word) => word.replace(/[;|&].*$/, ''))
  const name = basename(program)
  const script =
    shells.test(name) || runners.test(name) ? args.find((arg) => !arg.startsWith('-')) : undefined
  return basename(script ?? program).slice(0, 100) || 'job'
}

/** Takes away what stands before the program; whether there was any. */
function skip(words: string[]): boolean {
  const name = basename(words[0] ?? '')
  if (words.length < 2) return false
  if (before.has(words[0] ?? '')) {
    const end = words.findIndex((word) => /^(?:&&|\|\||;)$|;$/.test(word))
    if (end < 0 || end === words.length - 1) return false
    words.splice(0, end + 1)
    return true
  }
  if (/^[A-Za-z_]\w*=/.test(words[0] ?? '')) {
    words.shift()
    return true
  }
  if (shells.test(name) && /^-\w*c$/.test(words[1] ?? '')) {
    words.splice(0, 2)
    return true
  }
  const isTwo = name === 'docker' && words[1] === 'exec'
  const wrapper = wrappers[isTwo ? 'docker exec' : name]
  if (wrapper === undefined) return false
  words.splice(0, isTwo ? 2 : 1)
  while (words[0]?.startsWith('-')) words.splice(0, wrapper.valued.includes(words[0]) ? 2 : 1)
  words.splice(0, wrapper.words)
  if (words[0] === '-c') words.shift()
  return true
}
