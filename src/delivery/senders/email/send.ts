import type { Socket } from 'node:net'
import { createTransport } from 'nodemailer'
import { AppError } from '../../../ground/errors.ts'
import { retry } from '../shared/call.ts'
import { limited } from './limited.ts'
import { type Mailbox, readMailbox } from './mailbox.ts'
import type { Sent, Message } from '../shared/message.ts'
import type { Sending } from '../shared/sending.ts'
import { headlineOf, textOf } from '../shared/text.ts'
import { beginningOf } from '../../../ground/text.ts'

export type EmailTarget = {
  type: 'email'
  host: string
  /** Default: 465 where `secure`, else 587. */
  port?: number
  /** TLS from the first byte; else STARTTLS, which a password insists on (unless the host is loopback). */
  secure?: boolean
  user?: string
  password?: string
  from: string
  to: string[]
  template?: string
}

const limit = 20_000
/** RFC 5321 allows 512 bytes for a line of a reply. */
const mostReplyBytes = 8 * 1024
/** In all: some 60 replies for 50 recipients, and a handshake. */
const mostBytes = 32 * 1024

/**
 * One mail over SMTP, as plain text; a longer output is attached. Its Message-ID is made of the delivery's id, so that
 * a mail that came twice can be told. Delivered once the server has taken it for one of the recipients at least.
 */
export async function sendEmail(
  { connect, signal, hide }: Sending,
  target: EmailTarget,
  message: Message,
): Promise<Sent> {
  const { host, secure = false, port = secure ? 465 : 587 } = target
  const from = mailboxIn('from', target.from)
  const to = target.to.map((one) => mailboxIn('to', one))
  const { text, isWhole } = textOf(message, { limit, template: target.template })
  const socket = await connect({ host, port, signal })
  const connection = limited(socket, mostBytes) as Socket
  // nodemailer reports a server that closes it too early, once it listens
  connection.on('error', () => undefined)
  const transport = createTransport({
    // the connection is a plain one: nodemailer puts TLS over it, and checks the certificate against the host
    ...{ connection, host, port, secure, ...securityOf(target) },
    // of the text fields none may name a file or a URL to be sent
    disableFileAccess: true,
    disableUrlAccess: true,
    socketCloseTimeout: 1_000,
    maxResponseSize: mostReplyBytes,
  })
  try {
    await transport.sendMail({
      from,
      to,
      subject: inOneLine(headlineOf(message)),
      text,
      messageId: `<${message.id}@${domainOf(from)}>`,
      // RFC 3834: no auto-responder is to answer this
      headers: {
        'Auto-Submitted': 'auto-generated',
        'X-Chronos-Job': message.job.id,
        'X-Chronos-Run': message.run.id,
      },
      ...(isWhole ? {} : { attachments: [{ filename: 'output.txt', content: message.output ?? text }] }),
      signal,
    })
    return { state: 'delivered' }
  } catch (error) {
    const refusal = signal.aborted ? null : refusalOf(error, `smtp://${host}:${port}`, hide)
    if (refusal) return refusal
    throw error
  } finally {
    transport.close()
    connection.destroy()
  }
}

/** A password never goes over a line that others can read; on this machine itself there is none. */
function securityOf({ host, secure = false, user, password }: EmailTarget) {
  const isLocal = host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host)
  if (user === undefined) return isLocal && !secure ? { ignoreTLS: true } : {}
  const auth = { user, pass: password ?? '' }
  return isLocal
    ? { auth, forceAuth: true, ignoreTLS: !secure }
    : { auth, forceAuth: true, requireTLS: !secure }
}

/** The meaning of a server's reply: 5xx permanent, 4xx temporary (RFC 5321, 4.2.1). Null: it did not come to a reply. */
function refusalOf(error: unknown, origin: string, hide: Sending['hide']): Sent | null {
  if (!(error instanceof Error)) return null
  const { responseCode, response, command, permanent } = error as Error & Record<string, unknown>
  if (typeof responseCode !== 'number') return null
  const words = beginningOf(inOneLine(hide(String(response))), 200)
  const step = typeof command === 'string' ? ` to ${inOneLine(hide(command))}` : ''
  const reason = { code: 'SMTP_REFUSED', message: `${origin} answered "${words}"${step}` }
  return permanent === true ? { state: 'failed', error: reason } : retry(reason, null)
}

/** Read here and handed on in parts, so that nothing of it is read as anything else. */
function mailboxIn(field: string, text: string): Mailbox {
  const mailbox = readMailbox(text)
  if (mailbox) return mailbox
  throw new AppError('FIELD_INVALID', `${field}: must be one email address`)
}

/** Such as every server takes in a Message-ID. */
function domainOf({ address }: Mailbox): string {
  return /@([A-Za-z0-9.-]+)$/.exec(address)?.[1] ?? 'chronos.invalid'
}

function inOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim()
}
