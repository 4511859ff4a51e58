import type { components, operations } from './document.ts'

type Schemas = components['schemas']
export type Channel = Schemas['Channel']
export type ChannelInput = Schemas['ChannelInput']
export type Job = Schemas['Job']
export type JobInput = Schemas['JobInput']
export type JobOfFile = Schemas['JobOfFile']
export type JobPatch = Schemas['JobPatch']
export type Run = Schemas['Run']

type BodyOf<Id extends keyof operations> = NonNullable<
  operations[Id]['requestBody']
>['content']['application/json']
type QueryOf<Id extends keyof operations> = NonNullable<operations[Id]['parameters']['query']>
export type JobQuery = Omit<QueryOf<'listJobs'>, 'cursor' | 'profile'>
export type DeliveryQuery = Omit<QueryOf<'listAllDeliveries'>, 'cursor'>
export type AuditQuery = Omit<QueryOf<'listAudit'>, 'cursor'>
/** Instants; the defaults are those of the route. */
export type SpanQuery = { from?: string; to?: string }
export type KeyInput = BodyOf<'createKey'>
export type ProjectInput = BodyOf<'putProject'>
/** As text, as a list, or by its parts. */
export type ScheduleInput = BodyOf<'previewSchedule'>['schedule']
export type RunQuery = Omit<QueryOf<'listRuns'>, 'cursor' | 'profile'>
