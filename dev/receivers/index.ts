/** Local servers of every kind that deliveries go to. Each keeps what it got, and can be told to misbehave. */
export { cert as certificate } from './certificate.ts'
export { type GotDiscord, startDiscordReceiver } from './discord.ts'
export { type Ping, startHealthcheckReceiver } from './healthcheck.ts'
export type { Receiver } from './http.ts'
export { type GotSlack, startSlackReceiver } from './slack.ts'
export { type MailReceiver, startMailReceiver } from './smtp.ts'
export { type GotTelegram, startTelegramReceiver } from './telegram.ts'
export { type GotWebhook, startWebhookReceiver } from './webhook.ts'
