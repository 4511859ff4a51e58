/** Local servers of every kind that deliveries go to. Each keeps what it got, and can be told to misbehave. */
export { type GotDiscord, startDiscordReceiver } from './discord.ts'
export { type Ping, startHealthcheckReceiver } from './healthcheck.ts'
export type { Call, Misbehaviour, Receiver } from './http.ts'
export { type GotSlack, startSlackReceiver } from './slack.ts'
export { type Mail, type MailReceiver, type MailTrouble, startMailReceiver } from './smtp.ts'
export { type GotTelegram, startTelegramReceiver } from './telegram.ts'
export { type GotWebhook, startWebhookReceiver, type WebhookPayload } from './webhook.ts'
