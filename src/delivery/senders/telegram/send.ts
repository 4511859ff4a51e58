import { usualBase } from './base.ts'
import { type ReceiverAnswer, call, objectIn, retry, verdictOf } from '../shared/call.ts'
import type { Sent, Message } from '../shared/message.ts'
import type { Sending } from '../shared/sending.ts'
import { textOf } from '../shared/text.ts'

export type TelegramTarget = {
  type: 'telegram'
  bot_token: string
  chat_id: string | number
  /** Default: https://api.telegram.org */
  api_base?: string
  template?: string
}

// https://core.telegram.org/bots/api#sendmessage, #senddocument
const limit = 4_096
const captionLimit = 1_024

/** A message by a Telegram bot, as plain text. A longer text is a document, with the beginning as its caption. */
export async function sendToTelegram(
  sending: Sending,
  target: TelegramTarget,
  message: Message,
): Promise<Sent> {
  const { template } = target
  const { text, isWhole } = textOf(message, { limit, template })
  const headers = { 'user-agent': sending.userAgent }
  if (isWhole) {
    const body = { chat_id: target.chat_id, text, link_preview_options: { is_disabled: true } }
    const url = methodOf(target, 'sendMessage')
    const asJson = { ...headers, 'content-type': 'application/json' }
    return judge(await call(sending, { url, headers: asJson, body: JSON.stringify(body) }))
  }
  const form = new FormData()
  form.set('chat_id', String(target.chat_id))
  form.set('caption', textOf(message, { limit: captionLimit, template }).text)
  form.set(
    'document',
    new Blob([message.output ?? text], { type: 'text/plain; charset=utf-8' }),
    'output.txt',
  )
  return judge(await call(sending, { url: methodOf(target, 'sendDocument'), headers, body: form }))
}

function methodOf({ api_base: base = usualBase, bot_token: token }: TelegramTarget, name: string): URL {
  return new URL(`${base.replace(/(?<!\/)\/+$/, '')}/bot${token}/${name}`)
}

/** Its errors are in the body: `error_code`, and in `parameters` how long to wait. */
function judge(answer: ReceiverAnswer): Sent {
  const { error_code: code, description, parameters } = objectIn(answer.text)
  const status = answer.status >= 300 && typeof code === 'number' ? code : answer.status
  const verdict = verdictOf({ ...answer, status }, typeof description === 'string' ? description : '')
  const seconds = (parameters as { retry_after?: unknown } | null | undefined)?.retry_after
  return verdict.state === 'retry' && typeof seconds === 'number'
    ? retry(verdict.error, seconds * 1_000)
    : verdict
}
