import Type from 'typebox'
import { defineHandler } from '../src/handlers/index.ts'

/** The smallest handler: what it returns is the output of the run. */
export default defineHandler({
  input: Type.Object({ name: Type.Optional(Type.String({ minLength: 1 })) }),
  run({ name = 'world' }, { job, run }) {
    return `Hello, ${name}. This is attempt ${run.attempt} of ${job.name}.`
  },
})
