import { once } from 'node:events'
import type { Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { createBox } from './box.ts'
import { cert, key } from './certificate.ts'

/** `raw`: headers and body as they came over the line. */
export type Mail = { from: string; to: string[]; user: string | null; raw: string }

/** `mailFrom`, `rcptTo`, `data`: the reply, code first (`550 no such box`). `hang`: no greeting; `close`: none, and gone. */
export type MailTrouble =
  | { at: 'mailFrom' | 'rcptTo' | 'data'; reply: string }
  | { at: 'connect'; does: 'hang' | 'close' }

export type MailReceiver = {
  port: number
  got: Mail[]
  /** The users that logged in, or tried to. */
  logins: string[]
  /** From now on; null: it works again. */
  behave(how: MailTrouble | null): void
  waitFor(count: number): Promise<Mail[]>
  close(): Promise<void>
}

type Options = {
  port?: number
  login?: { user: string; password: string }
  /** With the certificate of certificate.ts. `start`: STARTTLS is offered. */
  tls?: 'start' | 'from_first_byte'
}

/** An SMTP server on loopback. With `login` it wants one. */
export async function startMailReceiver({ port = 0, login, tls }: Options = {}): Promise<MailReceiver> {
  const box = createBox<Mail>()
  const logins: string[] = []
  const sockets = new Set<Socket>()
  let how: MailTrouble | null = null
  const troubleAt = (at: string) => {
    if (how?.at !== at || !('reply' in how)) return null
    const [code = '', ...words] = how.reply.split(' ')
    return Object.assign(new Error(words.join(' ')), { responseCode: Number(code) })
  }
  const hooks: SMTPServerOptions = {
    onConnect(_session, done) {
      if (how?.at !== 'connect') return done()
      if ('does' in how && how.does === 'close') for (const socket of sockets) socket.destroy()
    },
    onAuth({ username = '', password }, _session, done) {
      logins.push(username)
      const isRight = username === login?.user && password === login.password
      if (isRight) return done(null, { user: username })
      done(Object.assign(new Error('5.7.8 wrong user or password'), { responseCode: 535 }))
    },
    onMailFrom: (_address, _session, done) => done(troubleAt('mailFrom')),
    onRcptTo: (_address, _session, done) => done(troubleAt('rcptTo')),
    onData(stream, { envelope, user }, done) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        const trouble = troubleAt('data')
        const from = envelope.mailFrom ? envelope.mailFrom.address : ''
        const to = envelope.rcptTo.map(({ address }) => address)
        const raw = Buffer.concat(pieces).toString()
        if (!trouble) box.put({ from, to, user: (user as string | undefined) ?? null, raw })
        done(trouble)
      })
    },
  }
  const disabled = [...(tls ? [] : ['STARTTLS']), ...(login ? [] : ['AUTH'])]
  const server = new SMTPServer({
    ...hooks,
    disabledCommands: disabled,
    allowInsecureAuth: !tls,
    secure: tls === 'from_first_byte',
    key,
    cert,
    authOptional: !login,
    disableReverseLookup: true,
    closeTimeout: 10,
  })
  // one that hangs up is no news
  server.on('error', () => undefined)
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as { port: number }).port,
    got: box.items,
    logins,
    waitFor: box.waitFor,
    behave(next) {
      how = next
    },
    async close() {
      const closed = once(server.server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
