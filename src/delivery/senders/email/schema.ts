import { isOneLine, type ReceiverKit } from '../shared/schema.ts'
import { readMailbox } from './mailbox.ts'

export function emailSchema({ Type, object, secretText, text, template }: ReceiverKit) {
  return object({
    type: Type.Literal('email'),
    host: text('the host of an SMTP server', isHost, 255),
    port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, description: 'default: 465 if secure, else 587' }),
    ),
    secure: Type.Optional(
      Type.Boolean({ default: false, description: 'TLS from the first byte; else STARTTLS' }),
    ),
    user: Type.Optional(text('a user name of one line', isOneLine, 320)),
    password: Type.Optional(secretText('a password of one line', isOneLine)),
    from: text('one address, such as Chronos <cron@example.com>', isMailbox, 400),
    to: Type.Array(text('one address, such as ops@example.com', isMailbox, 400), {
      minItems: 1,
      maxItems: 50,
    }),
    template: Type.Optional(template),
  })
}

function isHost(given: string): boolean {
  return /^[\w.:-]+$/.test(given)
}

function isMailbox(given: string): boolean {
  return readMailbox(given) !== null
}
