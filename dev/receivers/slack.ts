import { jsonOf, type Receiver, type Reply, startReceiver } from './http.ts'

export type GotSlack = { text: string; isTaken: boolean }

const mostText = 40_000

/** Looks like an incoming webhook of Slack: any path; its errors are single words. */
export function startSlackReceiver(options: { port?: number } = {}): Promise<Receiver<GotSlack>> {
  return startReceiver<GotSlack>((call) => {
    const payload = jsonOf(call)
    if (!payload) return refused('invalid_payload')
    const { text } = payload
    if (typeof text !== 'string' || text === '') return refused('no_text')
    if (text.length > mostText) return refused('msg_too_long')
    return { status: 200, body: 'ok', got: { text, isTaken: true } }
  }, options)
}

function refused(word: string): Reply<GotSlack> {
  return { status: 400, body: word, got: { text: '', isTaken: false } }
}
