import type { SchemaKit } from '../../../ground/schema.ts'
import { render, templateProblems, wholeName } from '../../../template/index.ts'
import { templateNames } from './names.ts'

// The receiver of a delivery, in a channel and written out in a job: the same fields, but in a job no secret may stand as
// it is, because every key with `jobs:read` can read a job.

export type Place = 'channel' | 'job'

/** All that the schema of a receiver may be made of. */
export type ReceiverKit = SchemaKit & ReturnType<typeof fieldsFor>

export function receiverKit(kit: SchemaKit, place: Place): ReceiverKit {
  return { ...kit, ...fieldsFor(kit, place) }
}

const secretOnly = ['secrets.<NAME>']
const wholeSecret = '{{secrets.NAME}}'
const urlWords = 'an http or https URL without a user or password in it'

function fieldsFor({ Type, expecting }: SchemaKit, place: Place) {
  /** A text that may have secrets in it by name, and is checked as it would be with them. */
  const text = (words: string, fits: Fits, maxLength = 2_048) =>
    Type.Refine(
      Type.String({ minLength: 1, maxLength, ...expecting(`${words}, or ${wholeSecret}`) }),
      withSecrets(fits),
    )

  /** In a channel as it is or by name; in a job by name only. */
  const secretText = (words: string, fits: Fits) =>
    place === 'channel'
      ? Type.Refine(
          Type.String({
            minLength: 1,
            maxLength: 2_048,
            writeOnly: true,
            ...expecting(`${words}, or ${wholeSecret}`),
          }),
          withSecrets(fits),
        )
      : Type.Refine(
          Type.String({
            maxLength: 200,
            writeOnly: true,
            ...expecting(`${wholeSecret} and nothing else, as a job is shown to others`),
          }),
          isOneSecret,
        )

  const template = Type.Refine(
    Type.String({
      minLength: 1,
      maxLength: 10_000,
      description: 'the text of the message; default: what is usual for its receiver',
      ...expecting(`a string with no other names between braces than ${templateNames.join(', ')}`),
    }),
    (given) => templateProblems(given, { path: '', names: templateNames }).length === 0,
  )
  return {
    place,
    text,
    secretText,
    template,
    url: text(urlWords, isHttpUrl),
    secretUrl: secretText(urlWords, isHttpUrl),
  }
}

/** The usual receiver: a URL that is all that it takes to post there. */
export function chatSchema<Name extends string>(
  { Type, object, secretUrl, template }: ReceiverKit,
  type: Name,
) {
  return object({ type: Type.Literal(type), url: secretUrl, template: Type.Optional(template) })
}

export function isOneLine(given: string): boolean {
  return !/\p{Cc}/u.test(given)
}

type Fits = (sample: string) => boolean

function withSecrets(fits: Fits): Fits {
  return (given) => holdsSecretsOnly(given) && (isOneSecret(given) || fits(sampleOf(given)))
}

function holdsSecretsOnly(text: string): boolean {
  return templateProblems(text, { path: '', names: secretOnly }).length === 0
}

function isOneSecret(text: string): boolean {
  return holdsSecretsOnly(text) && (wholeName(text)?.startsWith('secrets.') ?? false)
}

/** With a placeholder for each secret: the checks of a text before they are known. */
function sampleOf(given: string): string {
  return render(given, {}, { encode: () => 'x' })
}

function isHttpUrl(given: string): boolean {
  const url = URL.parse(given)
  return /^https?:$/.test(url?.protocol ?? '') && url?.username === '' && url.password === ''
}
