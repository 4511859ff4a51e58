import { randomBytes } from 'node:crypto'
import type { ActionContext } from '../shared/context.ts'
import { cutText, omission } from './text.ts'

/** So much of each earlier output is told to the model. */
const mostBytes = 16 * 1024

/**
 * The last outputs of jobs, a labelled text for each; `self` is the job itself. If there is no output yet, the
 * text says that: a model that is told of nothing makes something up.
 *
 * Each text ends at a mark that is random for each attempt. An output that was written before cannot know it, so that
 * nothing in it can pass for its end, and the text behind it for words of the author.
 */
export function contextBlocks(from: string[], context: ActionContext): Promise<string[]> {
  const mark = randomBytes(8).toString('hex')
  return Promise.all(
    from.map(async (source) => {
      const isSelf = source === 'self'
      const last = await context.lastOutput(isSelf ? null : source)
      const whose = isSelf
        ? 'the last successful run of this job'
        : `the last successful run of job ${source}`
      if (!last) return `[There is no output of ${whose} yet.]`
      const label = `Output of ${whose} (${last.runId}, finished ${last.finishedAt.toISOString()}), up to the mark ${mark}`
      const { text, left } = cutText(last.output, mostBytes)
      return [
        `[${label}]`,
        text,
        ...(left > 0 ? [omission(left)] : []),
        `[End of that output, mark ${mark}]`,
      ].join('\n')
    }),
  )
}
