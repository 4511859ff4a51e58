import { call, verdictOf } from '../shared/call.ts'
import type { Sent, Message } from '../shared/message.ts'
import type { Sending } from '../shared/sending.ts'
import { textOf } from '../shared/text.ts'

export type SlackTarget = { type: 'slack'; url: string; template?: string }

// Slack cuts a text at 40,000 characters, and folds one that is longer than 4,000.
const limit = 3_900

/** An incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat). A template is mrkdwn. */
export async function sendToSlack(sending: Sending, target: SlackTarget, message: Message): Promise<Sent> {
  const look = { limit, escape, bold: (text: string) => `*${text}*`, block, template: target.template }
  const { text } = textOf(message, look)
  const body = JSON.stringify({ text, mrkdwn: true, unfurl_links: false, unfurl_media: false })
  const headers = { 'content-type': 'application/json', 'user-agent': sending.userAgent }
  const answer = await call(sending, { url: new URL(target.url), headers, body })
  // its errors are single words: invalid_payload, channel_is_archived ...
  return verdictOf(answer, /^[a-z_]{1,60}$/.exec(answer.text.trim())?.[0])
}

/** https://docs.slack.dev/messaging/formatting-message-text: three characters, which also disarms mentions. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function block(text: string): string {
  return `\`\`\`\n${text.replaceAll('```', "'''")}\n\`\`\``
}
