/** What `make` gives, made at the first call. It is made again after a failure, and as long as it is null. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return async () => {
    made ??= make()
    const making = made
    const forget = () => {
      if (made === making) made = undefined
    }
    const value = await making.catch((error: unknown) => {
      forget()
      throw error
    })
    if (value === null) forget()
    return value
  }
}
