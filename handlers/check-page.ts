import Type from 'typebox'
import { defineHandler } from '../src/handlers/index.ts'

/** Whether a page answers, and holds a text: fails with a sentence where it does not. */
export default defineHandler({
  input: Type.Object({
    url: Type.String({ minLength: 1 }),
    holds: Type.Optional(Type.String({ minLength: 1, description: 'a text that the page has to hold' })),
  }),
  async run({ url, holds }, { fetch, log }) {
    const startedAt = performance.now()
    const answer = await fetch(url)
    const page = await answer.text()
    const tookMs = Math.round(performance.now() - startedAt)
    log(`${url} answered ${answer.status} and ${page.length} characters in ${tookMs} ms\n`)
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}, expected 2xx`)
    if (holds !== undefined && !page.includes(holds)) throw new Error(`${url} does not hold "${holds}"`)
    return { status: answer.status, characters: page.length, took_ms: tookMs }
  },
})
