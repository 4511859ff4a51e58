import Type from 'typebox'
import { object } from '../fields.ts'

export const promptAction = object(
  { type: Type.Literal('prompt') },
  { title: 'PromptAction', description: "The job's `prompt`, put to a model." },
)
