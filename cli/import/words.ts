/**
 * Words of a command line without anything that only a shell does; null: it has that. A `?` of a URL is taken as it is,
 * although a shell would look for files first.
 */
export function wordsOf(line: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  const piece = /\s+|'([^']*)'|"([^"]*)"|[^\s'"]+/y
  const text = line.trim()
  while (piece.lastIndex < text.length) {
    const found = piece.exec(text)
    if (!found) return null
    const [whole, single, double] = found
    if (/^\s/.test(whole)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      const plain: string | null =
        single ?? (double === undefined ? unquoted(whole, word ?? '') : doubleQuoted(double))
      if (plain === null) return null
      word = (word ?? '') + plain
    }
  }
  return word === null ? words : [...words, word]
}

/** Null: a shell would replace something in it. */
function doubleQuoted(text: string): string | null {
  return /[$`\\]/.test(text) ? null : text
}

function unquoted(text: string, before: string): string | null {
  const isUrl = /^https?:\/\//.test(before + text)
  if (/[|&;<>()$`\\*[\]{}\n]/.test(text) || (!isUrl && text.includes('?'))) return null
  return before === '' && /^[#~]/.test(text) ? null : text
}
