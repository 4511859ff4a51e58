/** Texts with places for values, such as `{{slot}}`. Touches nothing outside: the caller brings the values. */
export { actionNames } from './names.ts'
export { parseTemplate, wholeName } from './parse.ts'
export { templateProblems } from './problems.ts'
export { render, renderJson, type Values } from './render.ts'
export { namesIn } from './walk.ts'
