/** The client of Chronos, for every runtime that has fetch, streams and Web Crypto. Documented in docs/client.md. */
export { type Chronos, type ClientOptions, createClient } from './client.ts'
export type { components, operations, paths } from './document.ts'
export { ChronosError } from './error.ts'
export type { RunEvent } from './follow.ts'
export { defineJobs, type JobsFile } from './jobs-file.ts'
export type { Pages } from './pages.ts'
export type {
  Channel,
  ChannelInput,
  Job,
  JobInput,
  JobOfFile,
  JobPatch,
  JobQuery,
  Run,
  RunQuery,
} from './shapes.ts'
export { type SignedWebhook, verifyWebhook, WebhookError, type WebhookEvent } from './webhook.ts'
