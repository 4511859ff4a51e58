/** One mailbox; `name` may be empty. */
export type Mailbox = { name: string; address: string }

const address = String.raw`[^\s\0-\x20\x7f<>,;:"()@\\\[\]]{1,64}@[^\s\0-\x20\x7f<>,;:"()@\\\[\]]{1,255}`
const bare = new RegExp(`^${address}$`)
const named = new RegExp(String.raw`^([^\0-\x1f\x7f<>,;:"()@\\]{0,100}?) *<(${address})>$`)

/**
 * `ops@example.com` or `Operations <ops@example.com>`; null for everything else. Less than RFC 5322 has on purpose: no
 * lists, groups, comments or quotes, which mail programs read in different ways.
 */
export function readMailbox(text: string): Mailbox | null {
  if (bare.test(text)) return { name: '', address: text }
  const found = named.exec(text)
  return found && { name: found[1] ?? '', address: found[2] ?? '' }
}
