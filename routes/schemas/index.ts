/** Schemas and their checks. Loaded with the first request that has an input to check, and never for a fire. */
export { jobsFile } from './declared.ts'
export { projectHeader } from './projects.ts'
export { otherOperations, operations, problem } from './operations.ts'
export type { Operation } from './operation.ts'
export type { Operations } from './operations.ts'
export { type ResponseHeader, responseHeaders } from './response-headers.ts'
export { callHeaders, webhookEvent, webhookHeaders } from './sent.ts'
export { readInput } from './read.ts'
