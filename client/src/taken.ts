import { ChronosError } from './error.ts'

/** The body of an answer. @throws ChronosError: the call was refused */
export async function taken<Body>(
  call: Promise<{ data?: Body; error?: unknown; response: Response }>,
): Promise<Exclude<Body, undefined>> {
  const { data, error, response } = await call
  if (!response.ok) throw new ChronosError(response, error)
  return data as Exclude<Body, undefined>
}
