export type { ModelBehaviour } from './behaviours.ts'
export { type Model, startModel } from './start.ts'
