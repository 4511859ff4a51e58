import { visible, withEllipsis } from '../src/ground/text.ts'

const mostNameLength = 60

/** Where something stands in a body or a query, as a person writes it: `action.headers`, `tags[2]`; '' is the whole. */
export function writtenPath(steps: readonly (string | number)[]): string {
  return steps
    .map((step) => (/^\d+$/.test(String(step)) ? `[${step}]` : `.${shownName(String(step))}`))
    .join('')
    .replace(/^\./, '')
}

/** A name that a caller has chosen, for a message: short, and without what would steer a terminal. */
function shownName(name: string): string {
  return visible(withEllipsis(name, mostNameLength))
}
