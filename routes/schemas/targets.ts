import Type, { type TSchema } from 'typebox'
import { isReservedHeader } from '../../src/actions/index.ts'
import { readMailbox, templateNames } from '../../src/delivery/senders/index.ts'
import { render, templateProblems, wholeName } from '../../src/template/index.ts'
import { distinct, expecting, object } from './fields.ts'

// Whom a delivery reaches, in a channel and written out in a job: the same fields, but in a job no secret may stand as
// it is, because jobs are shown to whoever may read them.

const secretOnly = ['secrets.<NAME>']
const wholeSecret = '{{secrets.NAME}}'

export const channelName = Type.String({
  pattern: '^(?!(local|none|origin|all)$)[a-z0-9][a-z0-9_-]{0,62}$',
  ...expecting(
    'lower-case letters, digits, - and _, 63 at most, other than "local", "none", "origin" and "all"',
  ),
  examples: ['team-chat'],
})

const events = ['success', 'failure', 'recovery', 'always', 'changed'] as const
export const onWords = `${events.map((one) => `"${one}"`).join(', ')}, or a list of these`
export const on = Type.Union(
  [Type.Enum([...events]), distinct(Type.Enum([...events]), { minItems: 1, maxItems: events.length })],
  {
    description: 'default: always',
    ...expecting(onWords),
  },
)

export const template = Type.Refine(
  Type.String({
    minLength: 1,
    maxLength: 10_000,
    ...expecting(`a text with no other names between braces than ${templateNames.join(', ')}`),
  }),
  (text) => templateProblems(text, { path: '', names: templateNames }).length === 0,
)

const holdsSecretsOnly = (text: string) =>
  templateProblems(text, { path: '', names: secretOnly }).length === 0
const isOneSecret = (text: string) =>
  holdsSecretsOnly(text) && (wholeName(text)?.startsWith('secrets.') ?? false)

/** A text that may have secrets in it by name, and is checked as it would be with them. */
const text = (words: string, fits: (sample: string) => boolean, maxLength = 2_048) =>
  Type.Refine(
    Type.String({ minLength: 1, maxLength, ...expecting(`${words}, or ${wholeSecret}`) }),
    (given) => holdsSecretsOnly(given) && (isOneSecret(given) || fits(sampleOf(given))),
  )

/** In a channel as it is or by name; in a job by name only. */
const secretText = (place: Place, words: string, fits: (sample: string) => boolean) =>
  place === 'channel'
    ? Type.Refine(
        Type.String({
          minLength: 1,
          maxLength: 2_048,
          writeOnly: true,
          ...expecting(`${words}, or ${wholeSecret}`),
        }),
        (given) => holdsSecretsOnly(given) && (isOneSecret(given) || fits(sampleOf(given))),
      )
    : Type.Refine(
        Type.String({
          maxLength: 200,
          writeOnly: true,
          ...expecting(`${wholeSecret} and nothing else, as a job is shown to others`),
        }),
        isOneSecret,
      )

type Place = 'channel' | 'job'

/** The targets by type. `more`: fields that each has besides. */
export function targetsFor<More extends Record<string, TSchema>>(place: Place, more: More) {
  const url = text('an http or https URL without a user or password in it', isHttpUrl)
  const secretUrl = secretText(place, 'an http or https URL without a user or password in it', isHttpUrl)
  const secrets = Type.Array(secretText(place, '"whsec_" and 24 to 64 bytes as base64', isSigningSecret), {
    minItems: 1,
    maxItems: 5,
    description: 'the current one first; the message is signed with each, so that they can be rotated',
  })
  const titled = (type: string) => ({ title: `${type}${place === 'channel' ? 'Channel' : 'Delivery'}` })
  return [
    object(
      {
        type: Type.Literal('webhook'),
        url,
        secrets: place === 'channel' ? Type.Optional(secrets) : secrets,
        headers: Type.Optional(
          Type.Refine(
            Type.Record(Type.String({ maxLength: 200 }), secretText(place, 'a text of one line', isOneLine), {
              maxProperties: 20,
              ...expecting('at most 20 headers that neither Standard Webhooks nor the connection sets'),
            }),
            (headers) => Object.keys(headers).every(isFreeHeader),
          ),
        ),
        template: Type.Optional(template),
        ...more,
      },
      { ...titled('Webhook'), description: 'Standard Webhooks: signed JSON.' },
    ),
    object(
      { type: Type.Literal('slack'), url: secretUrl, template: Type.Optional(template), ...more },
      titled('Slack'),
    ),
    object(
      { type: Type.Literal('discord'), url: secretUrl, template: Type.Optional(template), ...more },
      titled('Discord'),
    ),
    object(
      {
        type: Type.Literal('telegram'),
        bot_token: secretText(place, 'a bot token', (token) => /^[\w:-]{1,200}$/.test(token)),
        chat_id: Type.Union(
          [Type.Integer(), text('the id of a chat, or @ and its name', isChat, 200)],
          expecting('the id of a chat, or @ and its name'),
        ),
        api_base: Type.Optional(url),
        template: Type.Optional(template),
        ...more,
      },
      titled('Telegram'),
    ),
    object(
      {
        type: Type.Literal('email'),
        host: text('the host of an SMTP server', isHost, 255),
        port: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 65_535, description: 'default: 465 if secure, else 587' }),
        ),
        secure: Type.Optional(
          Type.Boolean({ default: false, description: 'TLS from the first byte; else STARTTLS' }),
        ),
        user: Type.Optional(text('a user name of one line', isOneLine, 320)),
        password: Type.Optional(secretText(place, 'a password of one line', isOneLine)),
        from: text('one address, such as Chronos <cron@example.com>', isMailbox, 400),
        to: Type.Array(text('one address, such as ops@example.com', isMailbox, 400), {
          minItems: 1,
          maxItems: 50,
        }),
        template: Type.Optional(template),
        ...more,
      },
      titled('Email'),
    ),
    object(
      {
        type: Type.Literal('healthcheck'),
        url,
        style: Type.Optional(Type.Enum(['healthchecks', 'cronitor'], { default: 'healthchecks' })),
        ...more,
      },
      titled('Healthcheck'),
    ),
  ] as const
}

/** With a word in the place of each secret: what can be said of a text before they are known. */
function sampleOf(given: string): string {
  return render(given, {}, { encode: () => 'x' })
}

function isHttpUrl(given: string): boolean {
  const url = URL.parse(given)
  return /^https?:$/.test(url?.protocol ?? '') && url?.username === '' && url.password === ''
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

function isOneLine(given: string): boolean {
  return !/\p{Cc}/u.test(given)
}

function isChat(given: string): boolean {
  return /^(-?\d{1,20}|@\w{1,100})$/.test(given)
}

function isHost(given: string): boolean {
  return /^[\w.:-]+$/.test(given)
}

function isMailbox(given: string): boolean {
  return readMailbox(given) !== null
}
