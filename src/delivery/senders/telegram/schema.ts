import type { ReceiverKit } from '../shared/schema.ts'

export function telegramSchema({ Type, object, expecting, secretText, text, url, template }: ReceiverKit) {
  return object({
    type: Type.Literal('telegram'),
    bot_token: secretText('a bot token', (token) => /^[\w:-]{1,200}$/.test(token)),
    chat_id: Type.Union(
      [Type.Integer(), text('the id of a chat, or @ and its name', isChat, 200)],
      expecting('the id of a chat, or @ and its name'),
    ),
    api_base: Type.Optional(url),
    template: Type.Optional(template),
  })
}

function isChat(given: string): boolean {
  return /^(-?\d{1,20}|@\w{1,100})$/.test(given)
}
