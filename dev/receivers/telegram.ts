import { type Call, formOf, jsonOf, type Receiver, type Reply, startReceiver } from './http.ts'

export type GotTelegram = {
  method: string
  chatId: string
  text: string
  document: string | null
  isTaken: boolean
}

/** Looks like the Bot API of Telegram, for one token. */
export function startTelegramReceiver(
  token: string,
  options: { port?: number } = {},
): Promise<Receiver<GotTelegram>> {
  return startReceiver<GotTelegram>(async (call) => {
    const [, bot = '', method = ''] = call.url.pathname.split('/')
    if (bot !== `bot${token}`) return refused(401, 'Unauthorized')
    if (method === 'sendMessage') return sendMessage(call)
    if (method === 'sendDocument') return sendDocument(call)
    return refused(404, 'Not Found')
  }, options)
}

function sendMessage(call: Call): Reply<GotTelegram> {
  const { chat_id: chatId, text = '' } = jsonOf(call) ?? {}
  if (typeof chatId !== 'string' && typeof chatId !== 'number')
    return refused(400, 'Bad Request: chat_id is empty')
  if (typeof text !== 'string' || text === '') return refused(400, 'Bad Request: message text is empty')
  if (text.length > 4_096) return refused(400, 'Bad Request: message is too long')
  return taken({ method: 'sendMessage', chatId: String(chatId), text, document: null, isTaken: true })
}

async function sendDocument(call: Call): Promise<Reply<GotTelegram>> {
  const form = await formOf(call)
  const [chatId, caption, document] = ['chat_id', 'caption', 'document'].map((name) => form.get(name))
  if (typeof chatId !== 'string') return refused(400, 'Bad Request: chat_id is empty')
  if (!document || typeof document === 'string')
    return refused(400, 'Bad Request: there is no document in the request')
  const text = typeof caption === 'string' ? caption : ''
  if (text.length > 1_024) return refused(400, 'Bad Request: message caption is too long')
  return taken({ method: 'sendDocument', chatId, text, document: await document.text(), isTaken: true })
}

function taken(got: GotTelegram): Reply<GotTelegram> {
  return { status: 200, body: { ok: true, result: { message_id: 1 } }, got }
}

function refused(code: number, description: string): Reply<GotTelegram> {
  const got = { method: '', chatId: '', text: '', document: null, isTaken: false }
  return { status: code, body: { ok: false, error_code: code, description }, got }
}
