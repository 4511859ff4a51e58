import type { ActionKit } from '../type.ts'

export function commandSchema({ Type, object, expecting, timeoutMs, when }: ActionKit) {
  /** A program cannot get a string with a NUL in it. */
  const text = (maxLength: number) =>
    Type.String({
      maxLength,
      pattern: '^[^\\u0000]*$',
      ...expecting(`a string of at most ${maxLength} characters`),
    })

  const environment = Type.Refine(
    Type.Record(Type.String({ maxLength: 200 }), text(32_768), {
      maxProperties: 100,
      ...expecting(
        'at most 100 variables: names such as MY_NAME, none that begins with CHRONOS_; texts as values',
      ),
    }),
    (given) =>
      Object.keys(given).every((name) => /^[A-Za-z_]\w*$/.test(name) && !name.startsWith('CHRONOS_')),
  )
  return object(
    {
      type: Type.Literal('command'),
      command: Type.String({
        minLength: 1,
        maxLength: 4096,
        pattern: '^[^\\u0000{}]+$',
        ...expecting('the path or the name of a program, without a template in it'),
      }),
      args: Type.Optional(Type.Array(text(32_768), { maxItems: 200 })),
      env: Type.Optional(environment),
      cwd: Type.Optional(
        Type.String({ maxLength: 4096, pattern: '^/[^\\u0000]*$', ...expecting('an absolute path') }),
      ),
      timeout_ms: Type.Optional(timeoutMs),
      success: Type.Optional(
        Type.Array(Type.Integer({ minimum: 0, maximum: 255 }), { minItems: 1, maxItems: 256, default: [0] }),
      ),
      stdin: Type.Optional(
        Type.String({
          maxLength: 1_000_000,
          description: "what the program reads; without it the run's input: a text as it is, else JSON",
        }),
      ),
      when: Type.Optional(when),
    },
    {
      title: 'CommandAction',
      description: 'One program, started without a shell. Only where COMMANDS is "on".',
    },
  )
}
