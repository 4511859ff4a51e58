import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { mutate } from '../../dev/torture/bite.ts'
import { mutations } from '../../dev/torture/mutations.ts'

// What they lead to is shown by `node dev/torture/bite.ts`, whose output is in docs/reliability.md.
for (const mutation of mutations) {
  test(`${mutation.name} is where the mutation looks for it, once`, async () => {
    await mutate(mutation, fileURLToPath(new URL('../../', import.meta.url)))
  })
}
