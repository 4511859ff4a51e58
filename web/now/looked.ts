import { signal } from '@preact/signals'

const place = 'chronos.looked'
const longestMs = 7 * 86_400_000

/** Since when failures are news: when the reader last said that they have been seen; a day ago at first. */
export const lookedAt = signal(read())

export function looked(): void {
  lookedAt.value = new Date().toISOString()
  localStorage.setItem(place, lookedAt.value)
}

function read(): string {
  const stored = Date.parse(localStorage.getItem(place) ?? '')
  const since = Number.isNaN(stored) ? Date.now() - 86_400_000 : Math.max(stored, Date.now() - longestMs)
  return new Date(since).toISOString()
}
