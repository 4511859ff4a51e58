import Type from 'typebox'
import { expecting, object } from './fields.ts'

const longest = 2000
const most = 30
/** Of an iCalendar file: some hundred events. */
const longestCalendar = 100_000

const rule = Type.String({
  minLength: 1,
  maxLength: longest,
  description:
    '`every 30m`, `every weekday at 9am`, `first monday of the month at 9am`, `0 9 * * 1-5`, an ISO instant, `in 2h`; several rules with `; ` between them',
})
const rules = Type.Array(rule, { minItems: 1, maxItems: most, description: 'several rules, each a text' })
const oneOrMore = Type.Union([rule, rules])
const bound = Type.String({
  minLength: 1,
  maxLength: 30,
  description: 'a local date, with or without a time',
})

const parts = object(
  {
    rules: oneOrMore,
    except: Type.Optional(oneOrMore),
    except_calendar: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: longestCalendar,
        description: 'the text of an iCalendar file, whose days are left out',
      }),
    ),
    from: Type.Optional(bound),
    until: Type.Optional(bound),
    skipped: Type.Optional(
      Type.Enum(['next', 'skip'], { description: 'a local time that the clock skips; default: by the rule' }),
    ),
    repeated: Type.Optional(
      Type.Enum(['first', 'second', 'both'], {
        description: 'a local time that comes twice; default: by the rule',
      }),
    ),
    timezone: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'IANA name' })),
  },
  { title: 'ScheduleParts', description: 'The parts of a schedule by name.' },
)

/** What is stored and shown is always the text. */
export const scheduleForm = Type.Union(
  [rule, rules, parts],
  expecting(
    `a string of 1 to ${longest} characters, a list of at most ${most} of them, or an object with \`rules\``,
  ),
)
