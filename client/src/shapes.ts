import type { components, operations } from './document.ts'

type Schemas = components['schemas']
export type Channel = Schemas['Channel']
export type ChannelInput = Schemas['ChannelInput']
export type Job = Schemas['Job']
export type JobInput = Schemas['JobInput']
export type JobOfFile = Schemas['JobOfFile']
export type JobPatch = Schemas['JobPatch']
export type Run = Schemas['Run']

type QueryOf<Id extends keyof operations> = NonNullable<operations[Id]['parameters']['query']>
export type JobQuery = Omit<QueryOf<'listJobs'>, 'cursor' | 'profile'>
export type RunQuery = Omit<QueryOf<'listRuns'>, 'cursor' | 'profile'>
