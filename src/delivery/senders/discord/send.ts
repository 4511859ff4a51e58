import { type ReceiverAnswer, call, objectIn, verdictOf } from '../shared/call.ts'
import type { Sent, Message } from '../shared/message.ts'
import type { Sending } from '../shared/sending.ts'
import { textOf } from '../shared/text.ts'

export type DiscordTarget = { type: 'discord'; url: string; template?: string }

// https://docs.discord.com/developers/resources/webhook#execute-webhook
const limit = 2_000
const unknownWebhook = 10_015
const suppressEmbeds = 4

/** A webhook of Discord. Text beyond its 2,000 characters is attached as a file; no one is mentioned. */
export async function sendToDiscord(
  sending: Sending,
  target: DiscordTarget,
  message: Message,
): Promise<Sent> {
  const look = { limit, escape, bold: (text: string) => `**${text}**`, block, template: target.template }
  const { text, isWhole } = textOf(message, look)
  const url = new URL(target.url)
  // without it the answer comes before the message is known to be good
  url.searchParams.set('wait', 'true')
  const payload = JSON.stringify({ content: text, allowed_mentions: { parse: [] }, flags: suppressEmbeds })
  const headers = { 'user-agent': sending.userAgent }
  const request = isWhole
    ? { headers: { ...headers, 'content-type': 'application/json' }, body: payload }
    : { headers, body: withFile(payload, message.output ?? text) }
  return judge(await call(sending, { url, ...request }))
}

function withFile(payload: string, output: string): FormData {
  const form = new FormData()
  form.set('payload_json', payload)
  form.set('files[0]', new Blob([output], { type: 'text/plain; charset=utf-8' }), 'output.txt')
  return form
}

function judge(answer: ReceiverAnswer): Sent {
  const { code, message } = objectIn(answer.text)
  const verdict = verdictOf(answer, typeof message === 'string' ? `${String(code)} ${message}` : '')
  const isGone = answer.status === 404 && code === unknownWebhook
  return isGone && verdict.state === 'failed' ? { ...verdict, state: 'disabled' } : verdict
}

function escape(text: string): string {
  return text
}

function block(text: string): string {
  return `\`\`\`\n${text.replaceAll('```', "'''")}\n\`\`\``
}
