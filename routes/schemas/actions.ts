import Type, { type TSchema } from 'typebox'
import { actionKit, actionTypes, type ActionKit } from '../../src/actions/index.ts'
import { quotedChoice } from '../../src/ground/words.ts'
import * as kit from '../../src/ground/schema.ts'

type Described = { schema(kit: ActionKit): TSchema }
type SchemasOf<List extends readonly Described[]> = {
  -readonly [At in keyof List]: ReturnType<List[At]['schema']>
}

const full = actionKit(kit)
const schemas = actionTypes.map(({ schema }) => schema(full)) as SchemasOf<typeof actionTypes>

/** The actions of jobs: one branch for each type. */
export const action = Type.Union([...schemas], {
  title: 'Action',
  ...kit.expecting(`an object with a "type" of ${quotedChoice(actionTypes.map(({ type }) => type))}`),
})
