/** A field of a receiver, as the form of a channel shows it. `list` and `whole` say how its text is sent. */
export type ReceiverField = {
  name: string
  label: string
  hint?: string
  kind?: 'secret' | 'list' | 'secrets' | 'number' | 'json' | 'text' | 'check' | 'style'
  required?: boolean
}

const template: ReceiverField = {
  name: 'template',
  label: 'Text of the message',
  kind: 'text',
  hint: 'empty: the usual one. {{job.name}}, {{run.state}}, {{run.output}}, {{run.error}}, {{run.duration_ms}}',
}

/** Each type of receiver with its fields; what is secret is sealed, and never shown again. */
export const receivers: Record<string, readonly ReceiverField[]> = {
  webhook: [
    { name: 'url', label: 'URL', required: true },
    {
      name: 'secrets',
      label: 'Secrets',
      kind: 'secrets',
      hint: 'to sign with, separated by blanks; empty: one is made',
    },
    { name: 'headers', label: 'Headers', kind: 'json', hint: 'as JSON, such as {"authorization": "…"}' },
    template,
  ],
  slack: [{ name: 'url', label: 'URL of the incoming webhook', kind: 'secret', required: true }, template],
  discord: [{ name: 'url', label: 'URL of the webhook', kind: 'secret', required: true }, template],
  telegram: [
    { name: 'bot_token', label: 'Token of the bot', kind: 'secret', required: true },
    { name: 'chat_id', label: 'Chat', required: true },
    template,
  ],
  email: [
    { name: 'host', label: 'Mail server', required: true },
    { name: 'port', label: 'Port', kind: 'number', hint: 'empty: 587, or 465 with TLS from the first byte' },
    { name: 'secure', label: 'TLS from the first byte', kind: 'check' },
    { name: 'user', label: 'User' },
    { name: 'password', label: 'Password', kind: 'secret' },
    { name: 'from', label: 'From', required: true },
    { name: 'to', label: 'To', kind: 'list', hint: 'separated by commas', required: true },
    template,
  ],
  healthcheck: [
    { name: 'url', label: 'URL of the check', kind: 'secret', required: true },
    { name: 'style', label: 'Style', kind: 'style' },
  ],
}

/** Which outcomes a channel is told of by jobs that say nothing of deliveries. */
export const defaults: readonly { value: string; label: string }[] = [
  { value: '', label: 'nothing' },
  { value: 'failure', label: 'failures' },
  { value: 'failure,recovery', label: 'failures and recoveries' },
  { value: 'success', label: 'successes' },
  { value: 'changed', label: 'successes with another output than before' },
  { value: 'always', label: 'everything' },
]

/** The body of `PUT /api/channels/{name}`. @throws SyntaxError: a field that is JSON is none */
export function channelBody(type: string, values: Readonly<Record<string, string>>, defaultOn: string) {
  const fields = (receivers[type] ?? []).flatMap(({ name, kind }) => {
    const text = (values[name] ?? '').trim()
    return text === '' ? [] : [[name, valueOf(text, kind)] as const]
  })
  return { type, ...Object.fromEntries(fields), default_on: defaultOn === '' ? null : defaultOn.split(',') }
}

function valueOf(text: string, kind: ReceiverField['kind']): unknown {
  if (kind === 'number') return Number(text)
  if (kind === 'check') return text === 'true'
  if (kind === 'list') return text.split(/\s*,\s*/)
  if (kind === 'secrets') return text.split(/\s+/)
  return kind === 'json' ? JSON.parse(text) : text
}
