export type { ModelBehaviour } from './behaviours.ts'
export { type Model, type ModelCall, startModel } from './start.ts'
