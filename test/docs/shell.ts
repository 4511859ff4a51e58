/** A command as a shell would see it, its variables filled in. */
export type Command = { program: string; words: string[] }

/**
 * The commands of a block of `sh`: one a line, `\` at its end goes on, `#` begins a comment, quotes and `$NAME` as
 * usual. Nothing else of a shell is understood (pipes, `&&`): pages are for copying line by line.
 *
 * @throws Error: a variable that is not given, or a quote that does not end.
 */
export function readCommands(code: string, variables: Record<string, string>): Command[] {
  return code
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
    .map((line) => {
      const [program = '', ...words] = wordsOf(line, variables)
      return { program, words }
    })
}

function wordsOf(line: string, variables: Record<string, string>): string[] {
  const words: string[] = []
  // a word is any number of 'literal', "with $NAMES" and bare pieces without a blank between them
  const word = /\s*((?:'[^']*'|"[^"]*"|[^\s'"])+)/y
  for (let found = word.exec(line); found; found = word.exec(line)) {
    const pieces = found[1]?.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? []
    words.push(pieces.map((piece) => plain(piece, variables)).join(''))
    if (word.lastIndex >= line.trimEnd().length) return words
  }
  throw new Error(`a quote does not end in: ${line}`)
}

function plain(piece: string, variables: Record<string, string>): string {
  if (piece.startsWith("'")) return piece.slice(1, -1)
  return piece.replace(/^"(.*)"$/, '$1').replaceAll(/\$(\w+)/g, (_all, name: string) => {
    const value = variables[name]
    if (value === undefined) throw new Error(`$${name} is not one of ${Object.keys(variables).join(', ')}`)
    return value
  })
}

export type Call = { method: string; url: string; headers: Record<string, string>; body: string | undefined }

/** What `curl` with these words would send. @throws Error: an option that is not known here. */
export function readCurl(words: string[]): Call {
  const call: Call = { method: '', url: '', headers: {}, body: undefined }
  const left = words.values()
  for (const word of left) {
    if (/^-[sSi]+$/.test(word)) continue
    if (!word.startsWith('-')) call.url = word
    else if (word === '-X') call.method = left.next().value ?? ''
    else if (word === '-d') call.body = left.next().value ?? ''
    else if (word === '-H') {
      const [, name = '', value = ''] = /^([^:]+): *(.*)$/.exec(left.next().value ?? '') ?? []
      call.headers[name.toLowerCase()] = value
    } else throw new Error(`curl ${word}: expected one of -s -S -i -X -H -d`)
  }
  return { ...call, method: call.method || (call.body === undefined ? 'GET' : 'POST') }
}
