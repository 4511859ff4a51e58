import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  type GotDiscord,
  type GotSlack,
  type GotTelegram,
  type Receiver,
  startDiscordReceiver,
  startSlackReceiver,
  startTelegramReceiver,
} from '../../dev/receivers/index.ts'
import type { Target } from '../../src/delivery/senders/index.ts'
import { failureOf, messageOf, runId, send } from './setup.ts'

const token = '123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11'

let slack: Receiver<GotSlack>
let discord: Receiver<GotDiscord>
let telegram: Receiver<GotTelegram>
before(async () => {
  slack = await startSlackReceiver()
  discord = await startDiscordReceiver()
  telegram = await startTelegramReceiver(token)
})
after(() => Promise.all([slack.close(), discord.close(), telegram.close()]))
beforeEach(() => {
  for (const one of [slack, discord, telegram]) {
    one.behave(null)
    one.got.splice(0)
    one.calls.splice(0)
  }
})

const toSlack = (more: object = {}): Target => ({
  type: 'slack',
  url: `${slack.url}/services/T0/B0/x`,
  ...more,
})
const toDiscord = (more: object = {}): Target => ({
  type: 'discord',
  url: `${discord.url}/api/webhooks/1/x`,
  ...more,
})
const toTelegram = (more: object = {}): Target => ({
  ...{ type: 'telegram', bot_token: token, chat_id: -1001234, api_base: telegram.url },
  ...more,
})

const facts = `slot 2026-06-18T09:00:00.000Z, 1.3 s, run ${runId}`
const long = `first line\n${'0123456789'.repeat(6_000)}\nlast line`

test('Slack is told in mrkdwn which run it was, how it went and what it said', async () => {
  assert.deepEqual(await send(toSlack()), { state: 'delivered' })
  assert.deepEqual(slack.got[0], {
    text: `*report succeeded*\n${facts}\n\`\`\`\nall is well\n\`\`\``,
    isTaken: true,
  })
  await send(toSlack(), failureOf({ link: 'https://cron.example/runs/1' }))
  const { message } = failureOf().error ?? { message: '' }
  assert.equal(
    slack.got[1]?.text,
    `*report failed*\n${facts}\nHTTP_STATUS: ${message}\nhttps://cron.example/runs/1`,
  )
})

test('what an output holds is no mark-up of Slack: no mention, no link, no end of its block', async () => {
  const output = '<!channel> & <@U1> ``` <https://evil.example|click>'
  await send(toSlack(), messageOf({ job: { id: 'ab12cd34ef56', name: '<!here>' }, output }))
  const text = slack.got[0]?.text ?? ''
  assert.doesNotMatch(text, /[<>]/)
  assert.ok(text.startsWith('*&lt;!here&gt; succeeded*'))
  assert.equal(text.split('```').length, 3)
})

test('a template for Slack is mrkdwn, its values are not', async () => {
  await send(toSlack({ template: '<!here> {{run.output}}' }), messageOf({ output: '<b>' }))
  assert.equal(slack.got[0]?.text, '<!here> &lt;b&gt;')
})

test('Slack gets the beginning and the end of a long output, also where escapes make it longer', async () => {
  await send(toSlack(), messageOf({ output: long }))
  await send(toSlack(), messageOf({ output: '&'.repeat(50_000) }))
  const [first, second] = slack.got.map(({ text }) => text)
  assert.match(first ?? '', /first line\n[^]*omitted[^]*\nlast line\n```$/)
  for (const text of [first, second])
    assert.ok(text && text.length > 2_000 && text.length <= 3_900, String(text?.length))
})

test('of Slack a word says why: the message fails, an archived channel is gone', async () => {
  slack.behave({ does: 'answer', status: 404, body: 'no_service' })
  const none = await send(toSlack())
  assert.ok(none.state === 'failed')
  assert.match(none.error.message, /answered 404: no_service/)
  slack.behave({ does: 'answer', status: 410, body: 'channel_is_archived' })
  assert.equal((await send(toSlack())).state, 'disabled')
  slack.behave({ does: 'answer', status: 403, body: `<b>${slack.url}/services/T0/B0/x</b>` })
  const page = await send(toSlack())
  assert.ok(page.state === 'failed' && !page.error.message.includes('services'))
})

test('Discord is told in Markdown, and mentions nobody', async () => {
  assert.deepEqual(await send(toDiscord(), messageOf({ output: '@everyone hello' })), { state: 'delivered' })
  assert.deepEqual(discord.got[0], {
    content: `**report succeeded**\n${facts}\n\`\`\`\n@everyone hello\n\`\`\``,
    mentions: { parse: [] },
    files: [],
    isTaken: true,
  })
  assert.equal(discord.calls[0]?.url.searchParams.get('wait'), 'true')
})

test('what does not fit into 2,000 characters of Discord is attached as a whole', async () => {
  await send(toDiscord({ url: `${discord.url}/api/webhooks/1/x?thread_id=9` }), messageOf({ output: long }))
  const [got] = discord.got
  assert.ok(got && got.content.length <= 2_000)
  assert.match(got.content, /omitted/)
  assert.deepEqual(got.files, [{ name: 'output.txt', text: long }])
  assert.equal(discord.calls[0]?.url.searchParams.get('thread_id'), '9')
})

test('a webhook that Discord no longer knows is gone; its rate limit is kept to', async () => {
  discord.behave({ does: 'answer', status: 404, body: { code: 10_015, message: 'Unknown Webhook' } })
  const gone = await send(toDiscord())
  assert.ok(gone.state === 'disabled')
  assert.match(gone.error.message, /10015 Unknown Webhook/)
  discord.behave({ does: 'answer', status: 404, body: { code: 10_003, message: 'Unknown Channel' } })
  assert.equal((await send(toDiscord())).state, 'failed')
  discord.behave({ does: 'answer', status: 429, headers: { 'retry-after': '3' }, body: { retry_after: 2.5 } })
  const limited = await send(toDiscord())
  assert.equal(limited.state === 'retry' && limited.retryAfterMs, 3_000)
})

test('Telegram is told in plain text', async () => {
  assert.deepEqual(await send(toTelegram(), messageOf({ output: '<b>*_`' })), { state: 'delivered' })
  const text = `report succeeded\n${facts}\n<b>*_\``
  assert.deepEqual(telegram.got[0], {
    method: 'sendMessage',
    chatId: '-1001234',
    text,
    document: null,
    isTaken: true,
  })
})

test('what does not fit into 4,096 characters of Telegram is a document with a caption', async () => {
  await send(toTelegram(), messageOf({ output: long }))
  const [got] = telegram.got
  assert.deepEqual([got?.method, got?.document, got?.chatId], ['sendDocument', long, '-1001234'])
  assert.ok(got?.isTaken && got.text.length <= 1_024 && got.text.startsWith('report succeeded'))
})

test('a text of exactly the limit goes whole, and characters are never cut in half', async () => {
  const frame = `report succeeded\n${facts}\n`
  await send(toTelegram(), messageOf({ output: 'x'.repeat(4_096 - frame.length) }))
  assert.deepEqual([telegram.got[0]?.method, telegram.got[0]?.text.length], ['sendMessage', 4_096])
  for (const pad of ['', '.'])
    await send(toTelegram(), messageOf({ output: pad + '\u{1F600}'.repeat(4_000) }))
  assert.ok(telegram.got.slice(1).every(({ text }) => text.isWellFormed() && !text.includes('\ufffd')))
  assert.equal(telegram.got.length, 3)
})

test('errors of Telegram are told by its error_code, and how long to wait by retry_after', async () => {
  const refuse = (status: number, body: object) =>
    telegram.behave({ does: 'answer', status, body: { ok: false, ...body } })
  refuse(429, { error_code: 429, description: 'Too Many Requests', parameters: { retry_after: 11 } })
  const limited = await send(toTelegram())
  assert.equal(limited.state === 'retry' && limited.retryAfterMs, 11_000)
  refuse(403, { error_code: 403, description: 'Forbidden: bot was blocked by the user' })
  const blocked = await send(toTelegram())
  assert.match(
    blocked.state === 'failed' ? blocked.error.message : '',
    /answered 403: Forbidden: bot was blocked/,
  )
  refuse(502, { error_code: 502, description: 'Bad Gateway' })
  assert.equal((await send(toTelegram())).state, 'retry')
})

test('a wrong bot token fails, and is not in the message', async () => {
  const wrong = '999999:wrong-token-of-a-bot'
  const result = await send(toTelegram({ bot_token: wrong }))
  assert.ok(result.state === 'failed')
  assert.doesNotMatch(result.error.message, /999999|wrong-token/)
})
