/** What `work` resolves to, or `fallback` after `ms`; `work` goes on either way. Rejects where `work` does in time. */
export function within<T, F>(work: Promise<T>, ms: number, fallback: F): Promise<T | F> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(fallback), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
