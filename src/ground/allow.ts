import { isIP, isIPv4, isIPv6 } from 'node:net'

/** An entry of TARGET_ALLOW. `port` null: every port. `bits`: those of a range that count; all: one address. */
export type AllowEntry = { port: number | null } & (
  | { kind: 'name'; name: string; isSuffix: boolean }
  | { kind: 'range'; address: string; bits: number }
)

/**
 * One entry of TARGET_ALLOW: a host name, `*.` and a name (whatever ends so, but not the name itself), an address
 * (IPv6 in brackets or not), each with `:port` for that port only, or a range such as 10.0.0.0/8.
 * Null: it is none of them.
 */
export function readAllowEntry(text: string): AllowEntry | null {
  const [, start = '', prefix] = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(text) ?? []
  if (prefix !== undefined) return rangeEntry(start, Number(prefix), null)
  if (isIPv6(text)) return rangeEntry(text, 128, null)
  const [, host = '', digits] = /^(\[[\da-f.:]+\]|[^:]+)(?::(\d{1,5}))?$/i.exec(text) ?? []
  const port = digits === undefined ? null : Number(digits)
  if (port !== null && (port < 1 || port > 65_535)) return null
  if (host.startsWith('[')) return rangeEntry(host.slice(1, -1), 128, port)
  if (isIPv4(host)) return rangeEntry(host, 32, port)
  const isSuffix = host.startsWith('*.')
  const name = readHost(isSuffix ? host.slice(2) : host)
  // An address in one of its odd spellings is probably a mistake.
  return name === null || isIP(name) ? null : { kind: 'name', name, isSuffix, port }
}

/**
 * The one spelling of a host: an IPv4 address as four decimals, an IPv6 address without brackets, a name in ASCII and
 * lower case without the dot at its end. Read as fetch reads the host of a URL, in which 0x7f.1 and 127。0。0。1 are
 * addresses. Null: no host, or more than one.
 */
export function readHost(text: string): string | null {
  const isBare = isIPv6(text)
  if (text.includes('%') || (!isBare && !/^(\[[\da-f.:]+\]|[^\s/\\?#@:[\]*]+)$/i.test(text))) return null
  const hostname = URL.parse(`http://${isBare ? `[${text}]` : text}/`)?.hostname
  return hostname === undefined
    ? null
    : hostname.replace(/^\[(.*)\]$/, '$1').replace(/(?<!\.)\.+$/, '') || null
}

function rangeEntry(address: string, bits: number, port: number | null): AllowEntry | null {
  const family = address.includes('%') ? 0 : isIP(address)
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return null
  return { kind: 'range', address, bits, port }
}
