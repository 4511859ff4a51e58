import Type from 'typebox'
import { expecting } from '../fields.ts'
import { commandAction } from './command.ts'
import { handlerAction } from './handler.ts'
import { httpAction } from './http.ts'
import { promptAction } from './prompt.ts'

/** What a job does: one branch for each type. */
export const action = Type.Union([httpAction, promptAction, handlerAction, commandAction], {
  ...expecting('an object with a "type" of "http", "prompt", "handler" or "command"'),
})
