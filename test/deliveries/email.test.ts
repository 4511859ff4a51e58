import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { certificate, type MailReceiver, startMailReceiver } from '../../dev/receivers/index.ts'
import type { Target } from '../../src/delivery/senders/index.ts'
import { deliveryId, failureOf, messageOf, runId, send } from './setup.ts'

const login = { user: 'chronos', password: 'correct horse' }

let server: MailReceiver
let guarded: MailReceiver
before(async () => {
  server = await startMailReceiver()
  guarded = await startMailReceiver({ login })
})
after(() => Promise.all([server.close(), guarded.close()]))
beforeEach(() => {
  for (const one of [server, guarded]) {
    one.got.splice(0)
    one.logins.splice(0)
    one.behave(null)
  }
})

const target = (more: object = {}): Target => ({
  ...{ type: 'email', host: '127.0.0.1', port: server.port },
  ...{ from: 'Chronos <cron@example.com>', to: ['ops@example.com', 'dev@example.com'] },
  ...more,
})

/** Unfolded headers by lower-case name, and what is below them. */
function parse(raw: string) {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(':')[0]?.toLowerCase(), line.replace(/^[^:]*: ?/, '')]),
  )
  return { headers, lines, body: rest.join('\r\n\r\n') }
}

test('a mail says in plain text which run it was, how it went and what it said', async () => {
  assert.deepEqual(await send(target()), { state: 'delivered' })
  const [mail] = server.got
  assert.deepEqual([mail?.from, mail?.to], ['cron@example.com', ['ops@example.com', 'dev@example.com']])
  const { headers, body } = parse(mail?.raw ?? '')
  assert.equal(headers['subject'], 'report succeeded')
  assert.match(headers['content-type'] ?? '', /^text\/plain; charset=utf-8/)
  assert.equal(headers['auto-submitted'], 'auto-generated')
  assert.equal(headers['x-chronos-run'], runId)
  const text = body.replaceAll(/=\r\n/g, '').replaceAll('\r\n', '\n').trim()
  assert.equal(text, `report succeeded\nslot 2026-06-18T09:00:00.000Z, 1.3 s, run ${runId}\nall is well`)
})

test('all tries of a delivery have one Message-ID', async () => {
  await send(target())
  await send(target())
  const ids = server.got.map(({ raw }) => parse(raw).headers['message-id'])
  assert.deepEqual(ids, [`<${deliveryId}@example.com>`, `<${deliveryId}@example.com>`])
})

test('a longer output is attached as a whole', async () => {
  const output = `first\n${'0123456789'.repeat(3_000)}\nlast`
  await send(target(), messageOf({ output }))
  const { headers, body } = parse(server.got[0]?.raw ?? '')
  assert.match(headers['content-type'] ?? '', /^multipart\/mixed/)
  const [, attached = ''] = body.split(/filename=output\.txt[^]*?\r\n\r\n/)
  const encoded = attached.split('\r\n--')[0] ?? ''
  const text = body.includes('base64')
    ? Buffer.from(encoded, 'base64').toString()
    : encoded.replaceAll(/=\r\n/g, '')
  assert.ok(text.replaceAll('\r\n', '\n').startsWith(output.slice(0, 1_000)), text.slice(0, 100))
  assert.match(body, /characters and more omitted/)
})

test('no name of a job, output or error gets into the headers of a mail', async () => {
  const evil = 'report\r\nBcc: victim@example.com\r\n\r\nbody'
  const { run } = messageOf()
  await send(
    target(),
    failureOf({
      job: { id: 'ab12cd34ef56', name: evil },
      error: { code: 'X', message: evil },
      run: { ...run, state: evil },
    }),
  )
  const [mail] = server.got
  const { lines, headers } = parse(mail?.raw ?? '')
  assert.deepEqual(mail?.to, ['ops@example.com', 'dev@example.com'])
  assert.ok(!lines.some((line) => /^bcc:/i.test(line)), lines.join('\n'))
  assert.match(headers['subject'] ?? '', /^report Bcc: victim@example\.com body/)
})

test('what is more than one address is refused, and no server asked', async () => {
  const wrong = [
    'ops@example.com\r\nBcc: victim@example.com',
    'ops@example.com, victim@example.com',
    'friends: ops@example.com;',
    '"a" <ops@example.com>',
    'ops(comment)@example.com',
    'a@b@example.com',
    '<ops@example.com> <victim@example.com>',
    'nobody',
    '',
  ]
  for (const to of wrong) {
    for (const more of [{ to: ['ops@example.com', to] }, { from: to }]) {
      const result = await send(target(more))
      assert.equal(result.state === 'failed' && result.error.code, 'TARGET_INVALID', to)
    }
  }
  assert.equal(server.got.length, 0)
})

test('a subject beyond ASCII arrives', async () => {
  await send(
    target(),
    messageOf({ job: { id: 'ab12cd34ef56', name: 'B\u00fccher \u{1F4DA}' }, output: 'gr\u00fc\u00df' }),
  )
  const { headers, body } = parse(server.got[0]?.raw ?? '')
  assert.match(headers['subject'] ?? '', /^=\?UTF-8\?/)
  assert.match(body, /gr=C3=BC=C3=9F/)
})

test('a login is made where a user is given; a wrong password fails and is told to nobody', async () => {
  const to = { port: guarded.port, ...login }
  assert.deepEqual(await send(target(to)), { state: 'delivered' })
  assert.equal(guarded.got[0]?.user, 'chronos')
  const result = await send(target({ ...to, password: 'battery staple' }))
  assert.ok(result.state === 'failed')
  assert.deepEqual(result.error.code, 'SMTP_REFUSED')
  assert.match(result.error.message, /^smtp:\/\/127\.0\.0\.1:\d+ answered "535 /)
  assert.doesNotMatch(result.error.message, /battery|YmF0dGVye/)
})

test('a server that wants a login and is given none fails', async () => {
  const result = await send(target({ port: guarded.port }))
  assert.equal(result.state === 'failed' && result.error.code, 'SMTP_REFUSED')
})

test('a reply of 5xx is for good, one of 4xx for now, at every step', async () => {
  const states: string[] = []
  for (const at of ['mailFrom', 'rcptTo', 'data'] as const) {
    for (const reply of ['550 5.1.1 no such box', '451 4.3.2 come back later']) {
      server.behave({ at, reply })
      const result = await send(target())
      states.push(`${at} ${reply.slice(0, 3)} ${result.state} ${'error' in result && result.error.code}`)
    }
  }
  assert.deepEqual(states, [
    ...['mailFrom 550 failed SMTP_REFUSED', 'mailFrom 451 retry SMTP_REFUSED'],
    ...['rcptTo 550 failed SMTP_REFUSED', 'rcptTo 451 retry SMTP_REFUSED'],
    ...['data 550 failed SMTP_REFUSED', 'data 451 retry SMTP_REFUSED'],
  ])
  assert.equal(server.got.length, 0)
})

test('a server that hangs up, hangs, or is not there is tried again', async () => {
  server.behave({ at: 'connect', does: 'close' })
  const closed = await send(target())
  server.behave({ at: 'connect', does: 'hang' })
  const hung = await send(target(), messageOf(), { timeoutMs: 100 })
  const gone = await startMailReceiver()
  await gone.close()
  const absent = await send(target({ port: gone.port }))
  assert.deepEqual(
    [closed, hung, absent].map((one) => one.state === 'retry' && one.error.code),
    ['CONNECTION_FAILED', 'TIMEOUT', 'CONNECTION_FAILED'],
  )
})

test('what speaks no TLS where TLS is wanted is tried again, and sees no password', async () => {
  const result = await send(target({ port: guarded.port, secure: true, ...login }), messageOf(), {
    timeoutMs: 2_000,
  })
  assert.equal(result.state, 'retry')
  assert.equal(guarded.got.length, 0)
})

test('a password goes over TLS only, whose certificate is for the host; else it is not sent', async (t) => {
  const offering = await startMailReceiver({ login, tls: 'start' })
  t.after(() => offering.close())
  const plain = await send(target({ host: 'smtp.example', port: guarded.port, ...login }))
  assert.ok(plain.state === 'failed')
  assert.match(plain.error.message, /^smtp:\/\/smtp\.example:\d+ answered "5\d\d .*" to STARTTLS/)
  const untrusted = await send(target({ host: 'smtp.example', port: offering.port, ...login }))
  assert.equal(untrusted.state === 'retry' && untrusted.error.code, 'CONNECTION_FAILED')
  assert.deepEqual([guarded.got, guarded.logins, offering.got, offering.logins], [[], [], [], []])
})

test('with a certificate that is trusted and for the host, mail goes by TLS from the first byte, or by STARTTLS', async (t) => {
  const trusted = getCACertificates('default')
  t.after(() => setDefaultCACertificates(trusted))
  setDefaultCACertificates([...trusted, certificate])
  for (const tls of ['start', 'from_first_byte'] as const) {
    const mails = await startMailReceiver({ login, tls })
    t.after(() => mails.close())
    const to = { host: 'smtp.example', port: mails.port, secure: tls === 'from_first_byte', ...login }
    assert.deepEqual(await send(target(to)), { state: 'delivered' }, tls)
    assert.equal(mails.got[0]?.user, 'chronos')
    const other = await send(target({ ...to, host: 'other.example' }))
    assert.equal(other.state === 'retry' && other.error.code, 'CONNECTION_FAILED')
    assert.equal(mails.logins.length, 1)
  }
})

test('the guard stands before a mail server, too', async () => {
  const result = await send(target({ host: '192.168.0.1', port: 25 }))
  assert.equal(result.state === 'failed' && result.error.code, 'TARGET_FORBIDDEN')
})
