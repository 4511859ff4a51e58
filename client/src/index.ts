/** The client of Chronos, for every runtime that has fetch, streams and Web Crypto. Documented in docs/client.md. */
export { type Chronos, type ClientOptions, createClient } from './client.ts'
export type { components, operations, paths } from './document.ts'
export { ChronosError } from './error.ts'
export type { RunEvent } from './follow.ts'
export { defineJobs, type JobsFile } from './jobs-file.ts'
export type { Pages } from './pages.ts'
export type {
  AuditQuery,
  Channel,
  ChannelInput,
  DeliveryQuery,
  Job,
  JobInput,
  JobOfFile,
  JobPatch,
  JobQuery,
  KeyInput,
  ProjectInput,
  Run,
  RunQuery,
  ScheduleInput,
  SpanQuery,
} from './shapes.ts'
export { type SignedWebhook, verifyWebhook, WebhookError, type WebhookEvent } from './webhook.ts'
