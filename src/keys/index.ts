export { allows, type Scope, scopes } from './scopes.ts'
