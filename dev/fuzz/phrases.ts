import fc from 'fast-check'

/** Schedules that nearly have a meaning: what a person mistypes, once or many times. */
export const phrases: fc.Arbitrary<string> = fc
  .record({
    words: fc.array(
      fc.constantFrom(
        ...[
          'every',
          'evry',
          'mondey',
          'monday',
          'first',
          'last',
          'day',
          'of',
          'june',
          'at',
          '9am',
          '31',
          '0',
        ],
        ...['99999999999', 'months', 'in', 'except', '; ', ',', 'until', '9999-12-31', '*', 'FREQ=', 'P1D'],
      ),
      { minLength: 1, maxLength: 9 },
    ),
    between: fc.constantFrom(' ', ' ', ', ', '; ', ''),
    times: fc.constantFrom(1, 1, 1, 40),
  })
  .map(({ words, between, times }) =>
    Array.from({ length: times }, () => words.join(between))
      .join(between)
      .slice(0, 2_000),
  )
