import { analyse } from 'scslre'

type Literal = { regex?: { pattern: string; flags: string } }
type Context = { report: (finding: { node: Literal; message: string }) => void }

/**
 * `regexes/linear` refuses a regular expression that may take more than linear time, because texts of callers and
 * targets are read with them: 64 KB took one of ours 3.5 s. Its usual cause is `x*$`, which is tried again from each
 * `x`; `(?<!x)x*$` is not.
 */
export default {
  meta: { name: 'regexes' },
  rules: { linear: { create: watchLiterals } },
}

const hints = {
  Move: 'it is tried again from each place of the text',
  Self: 'it can match the same text in many ways',
  Trade: 'two of its parts can match the same text',
}

function watchLiterals(context: Context) {
  return {
    Literal(node: Literal) {
      if (!node.regex) return
      const { pattern: source, flags } = node.regex
      const { reports } = analyse({ source, flags }, { reportTypes: { Move: true, Self: true, Trade: true } })
      const [first] = reports
      if (!first) return
      const time = first.exponential ? 'exponential' : 'quadratic'
      context.report({ node, message: `may take ${time} time: ${hints[first.type]}` })
    },
  }
}
