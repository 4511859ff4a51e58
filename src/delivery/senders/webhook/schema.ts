import { isReservedHeader } from '../../../outbound/index.ts'
import { isOneLine, type ReceiverKit } from '../shared/schema.ts'

/** Standard Webhooks. In a channel the secrets may be left out: some are made. */
export function webhookSchema({ Type, object, expecting, secretText, url, template, place }: ReceiverKit) {
  const secrets = Type.Array(secretText('"whsec_" and 24 to 64 bytes as base64', isSigningSecret), {
    minItems: 1,
    maxItems: 5,
    description: 'the current one first; the message is signed with each, so that they can be rotated',
  })
  return object(
    {
      type: Type.Literal('webhook'),
      url,
      secrets: place === 'channel' ? Type.Optional(secrets) : secrets,
      headers: Type.Optional(
        Type.Refine(
          Type.Record(Type.String({ maxLength: 200 }), secretText('a string of one line', isOneLine), {
            maxProperties: 20,
            ...expecting('at most 20 headers that neither Standard Webhooks nor the connection sets'),
          }),
          (headers) => Object.keys(headers).every(isFreeHeader),
        ),
      ),
      template: Type.Optional(template),
    },
    { description: 'Standard Webhooks: signed JSON.' },
  )
}

function isSigningSecret(given: string): boolean {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(given) ?? []
  const bytes = Buffer.from(base64, 'base64').length
  return base64.length % 4 === 0 && bytes >= 24 && bytes <= 64
}

function isFreeHeader(name: string): boolean {
  const isOurs = /^(webhook-|content-type$|user-agent$)/i.test(name)
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !isOurs && !isReservedHeader(name)
}
