import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { decodeTrie } from 'cspell-trie-lib'
import { type Prose, proseOfPage, proseOfSource } from './prose.ts'

/**
 * `node dev/check/words.ts`: spelling (British), and phrases that make our English read as if translated, each with a
 * better one. It reads pages, and the comments and sentences of shipped files. `--count` prints how often three habits
 * occur instead. A term that the dictionary lacks goes into `words.txt`.
 */
const phrases: [phrase: RegExp, better: string][] = [
  [/\b(?:who|whom)ever\b/i, 'name the actor: "the caller", "a client that …"'],
  [/\bwhom\b/i, 'name the actor, or turn the sentence around'],
  [/\b(?:some|any)body\b/i, 'name the actor: "another process", "a client"; or "someone", "anyone"'],
  [/\bnobody\b/i, 'name the actor: "no process", "no client"; or "no one"'],
  [/\banew\b/i, '"again"'],
  [/\bonce more\b/i, '"again"'],
  [/\bfor good\b/i, '"permanently"'],
  [/\bat the (?:least|most|latest)\b/i, '"at least", "at most", "no later than"'],
  [/\bthat which\b/i, 'a noun'],
  [/\bparted by\b/i, '"separated by"'],
  [/\bin the place of\b/i, '"instead of"'],
  [/\b(?:was|were) given; expected\b|; expected\b/i, 'say what is wrong with the request, then what to do'],
  [
    /(?:^|[.;:(|]\s+)where (?:it|there|that|this|none|no|nobody|one|they|he|we|neither|nothing|anything)\b/i,
    '"if" or "when"',
  ],
  [/\bwith(?:out)? a word\b/i, 'say what happened'],
]

/** As english counts them: words that stand for a condition, a noun, an actor. */
const habits = {
  where:
    /(?:^|[.;:,(–]\s+)where\b|\bwhere (?:it|there|that|this|none|no|nobody|one|they|he|we|both|all|only)\b/gi,
  what: /\bwhat (?:is|it|has|was|had|they|we|he|one|this|that|the|a|an|no|nobody|somebody|are|were|can|may|must|comes|came|goes|went|does|did|its|will|would|should|stands|holds|held|fails|failed|happened|became|runs|ran|I|you)\b|\bthat which\b/gi,
  who: /\b(?:whoever|whom|somebody|nobody|anybody|whose)\b/gi,
}

type Found = { file: string; area: 'pages' | 'texts' | 'comments'; prose: Prose[] }

function main(): void {
  const found = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' })
    .split('\n')
    .flatMap(proseOf)
  if (process.argv.includes('--count')) count(found)
  else check(found)
}

function proseOf(file: string): Found[] {
  const isPage =
    /^(?:[A-Z]+\.md|docs\/.*\.md|relay\/.*\.md|examples\/.*\.md)$/.test(file) && file !== 'CHANGELOG.md'
  const isShipped = /^(?:src|routes|db|relay|handlers|web)\/.*\.tsx?$/.test(file)
  if (!isPage && !isShipped) return []
  const text = read(file)
  if (isPage) return [{ file, area: 'pages', prose: proseOfPage(text) }]
  const { comments, texts } = proseOfSource(text)
  return [
    { file, area: 'comments', prose: comments },
    { file, area: 'texts', prose: texts },
  ]
}

/** A file that git tracks may be gone from the working tree for the moment. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function check(found: Found[]): void {
  const isSpelt = speller()
  for (const { file, prose } of found)
    for (const { line, text } of prose) {
      for (const [phrase, better] of phrases) {
        const said = phrase.exec(text)?.[0].trim()
        if (said !== undefined) report(`${file}:${line}: phrase "${said}": write ${better}`)
      }
      for (const [word] of text.matchAll(plainWord))
        if (!isSpelt(word)) report(`${file}:${line}: spelling "${word}"`)
    }
}

function report(problem: string): void {
  console.log(problem)
  process.exitCode = 1
}

/** A word in small letters, perhaps with a capital first: no part of a name, a path, an address or a number. */
const plainWord =
  /(?<![\p{L}\d_$@#./\\:%&=?+*{<[…-])\p{L}[\p{Ll}]+(?:['’]\p{Ll}+)?(?![\p{L}\d_/@=*(…]|[.:]\p{L}|-\d)/gu

function speller(): (word: string) => boolean {
  const path = new URL('en_GB.trie.gz', import.meta.resolve('@cspell/dict-en-gb-mit'))
  const british = decodeTrie(gunzipSync(readFileSync(path)))
  const own = new Set(
    readFileSync(new URL('words.txt', import.meta.url), 'utf8')
      .toLowerCase()
      .split('\n'),
  )
  const known = new Map<string, boolean>()
  return (word) => {
    const bare = word.replace('’', "'")
    const isKnown = known.get(bare) ?? isIn(bare)
    known.set(bare, isKnown)
    return isKnown
  }

  function isIn(word: string): boolean {
    const stem = word.replace(/'s$/, '')
    return [word, stem].some(
      (one) =>
        own.has(one.toLowerCase()) || british.hasWord(one, true) || british.hasWord(one.toLowerCase(), true),
    )
  }
}

function count(found: Found[]): void {
  for (const [area, some] of Map.groupBy(found, (one) => one.area)) {
    const text = some.flatMap(({ prose }) => prose.map((one) => one.text)).join('\n')
    const words = text.match(/[A-Za-z][A-Za-z'’-]*/g)?.length ?? 0
    const rates = Object.entries(habits).map(([name, habit]) => {
      const times = text.match(habit)?.length ?? 0
      return `${name} ${((times / words) * 1000).toFixed(1)}`
    })
    console.log(`${area}: ${words} words; per thousand: ${rates.join(', ')}`)
  }
}

main()
