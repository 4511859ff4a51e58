import { AppError } from '../ground/errors.ts'
import { inFileOr } from './plan.ts'

/** As many are enough for one answer. */
const mostFaults = 20

export type Faults = {
  /** What `work` gives; null if its caller is at fault. @throws AppError: with all that was found, once there are many */
  of<T>(key: string, work: () => Promise<T>): Promise<T | null>
  /** @throws AppError: with all that was found */
  end(): void
}

/** What is wrong with the jobs of a file, told in one answer: a person mends them together. */
export function createFaults(): Faults {
  const found: AppError[] = []
  function end() {
    const [first] = found
    if (!first) return
    const errors = found.flatMap(({ extra }) => extra['errors'] as { path: string; message: string }[])
    throw new AppError(first.code, errors.map(({ message }) => message).join('; '), {
      cause: first,
      extra: { ...first.extra, errors },
    })
  }
  return {
    end,
    of: (key, work) =>
      work().catch((error: unknown) => {
        const fault = inFileOr(error, key)
        if (!(fault instanceof AppError) || fault.statusCode !== 400) throw fault
        found.push(fault)
        if (found.length >= mostFaults) end()
        return null
      }),
  }
}
