/** What is told of a run. Instants are Dates; `durationMs` null: it never began, or has not ended. */
export type Message = {
  /** The delivery's id (a UUID), the same over all its tries. */
  id: string
  event: 'success' | 'failure' | 'recovery' | 'start' | 'test'
  job: { id: string; name: string }
  run: {
    id: string
    slot: Date | null
    state: string
    attempt: number
    trigger: string
    startedAt: Date | null
    finishedAt: Date | null
    durationMs: number | null
  }
  output: string | null
  /** What the run was given; for templates. */
  input?: unknown
  error: { code: string; message: string } | null
  skippedReason?: string | null
  /** Where a person reads more; null: nowhere. */
  link: string | null
}

/** How one try ended. `error.message` names the receiver by its origin only, as paths of such URLs are secrets. */
export type Delivered =
  | { state: 'delivered' }
  /** The receiver's own wish, where it has one; at most 24 h. */
  | { state: 'retry'; error: DeliveryError; retryAfterMs?: number }
  /** Nothing that another try would mend. */
  | { state: 'failed'; error: DeliveryError }
  /** The receiver is gone for good: nothing is to be sent there any more. */
  | { state: 'disabled'; error: DeliveryError }

export type DeliveryError = { code: string; message: string }

/** Where a message goes, with its secrets filled in. Whatever is more in it is left alone. */
export type Target =
  | WebhookTarget
  | SlackTarget
  | DiscordTarget
  | TelegramTarget
  | EmailTarget
  | HealthcheckTarget

export type WebhookTarget = {
  type: 'webhook'
  url: string
  /** `whsec_…`; the message is signed with each, the current one first. */
  secrets: string[]
  headers?: Record<string, string>
  template?: string
}
export type SlackTarget = { type: 'slack'; url: string; template?: string }
export type DiscordTarget = { type: 'discord'; url: string; template?: string }
export type TelegramTarget = {
  type: 'telegram'
  bot_token: string
  chat_id: string | number
  /** Default: https://api.telegram.org */
  api_base?: string
  template?: string
}
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
export type HealthcheckTarget = {
  type: 'healthcheck'
  url: string
  /** Default: healthchecks */
  style?: 'healthchecks' | 'cronitor'
}
