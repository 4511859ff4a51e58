/** An error as the driver makes them, so that it is read by `classify` (db/errors.ts) like any other. */
export function connectionError(code: string): Error {
  return Object.assign(new Error(`connection: ${code}`), { code })
}
