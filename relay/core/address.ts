import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = { address: Address; bits: number }

/** Which hosts and addresses wake-ups may go to. Public ones may; `allow` lets others through. */
export type AddressRules = {
  /** Why a host may not be called, before any look-up; null: it may. */
  ofHost(hostname: string): string | null
  /** Why an address that the host has, or is, may not be called; null: it may. */
  ofAddress(hostname: string, address: string): string | null
  /** True for a host that an entry names, and for addresses in a range. Such may be called by plain http. */
  isAllowed(hostname: string): boolean
}

/**
 * Top-level names that no public name ends with (ICANN's `internal`, RFC 6762 and 6761, Fly's `flycast`). A name without
 * a dot is completed from the machine's own search list.
 */
const privateTopLevel = new Set(
  'internal flycast local localhost localdomain lan home corp intranet private'.split(' '),
)

// All that IANA has given out. Some notations of IPv4 within IPv6, such as ::127.0.0.1, are in no range of their own.
const givenOut = ipaddr.IPv6.parseCIDR('2000::/3')
const wrappings = [ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), ipaddr.IPv6.parseCIDR('64:ff9b::/96')]
/** Public by their numbers, and yet a platform's own: Azure, Alibaba. */
const platformAddresses = new Set(['168.63.129.16', '100.100.100.200'])

/** `allow`: host names, `*.name` for all below a name, addresses, ranges such as 127.0.0.0/8. Throws for an entry that is none. */
export function createAddressRules(allow: readonly string[]): AddressRules {
  const entries = allow.map((text) => readEntry(text))
  const ranges = entries.filter((entry) => typeof entry !== 'string')
  const names = entries.filter((entry) => typeof entry === 'string')
  const isNamed = (host: string) =>
    names.some((name) => (name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name))
  const isInRange = (address: Address) =>
    ranges.some(
      (range) => address.kind() === range.address.kind() && address.match(range.address, range.bits),
    )
  const mayLeadIntoRange = (host: string) => {
    const isLocal = host === 'localhost' || host.endsWith('.localhost')
    return ranges.some(({ address }) => isLocal === (address.range() === 'loopback'))
  }

  const ofAddress = (hostname: string, text: string) => {
    const address = readAddress(text)
    if (!address) return 'has an address that cannot be read'
    if (isNamed(hostOf(hostname)) || isInRange(address)) return null
    if (isPublic(address) && !platformAddresses.has(address.toString())) return null
    return `leads to a private address (${address.range()})`
  }
  return {
    ofHost(hostname) {
      const host = hostOf(hostname)
      if (readAddress(host)) return ofAddress(host, host)
      if (!isPrivateName(host) || isNamed(host)) return null
      // Its addresses will be in the ranges, or be refused when it is called.
      return mayLeadIntoRange(host) ? null : 'is a name of a private network'
    },
    ofAddress,
    isAllowed(hostname) {
      const host = hostOf(hostname)
      const address = readAddress(host)
      if (isNamed(host)) return true
      return address ? isInRange(address) : isPrivateName(host) && mayLeadIntoRange(host)
    },
  }
}

/** The host of a URL as it is compared: an IPv6 address without brackets, a name without the dot at its end. */
export function hostOf(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/(?<!\.)\.+$/, '')
}

/** The error of a call that is not made: `why` is what the rules say of the host. */
export function refusedAddress(hostname: string, why: string): Error & { code: string } {
  return Object.assign(new Error(`${hostOf(hostname)} ${why}`), { code: 'ADDRESS_REFUSED' })
}

function isPrivateName(host: string): boolean {
  const end = host.slice(host.lastIndexOf('.') + 1)
  return end === host || privateTopLevel.has(end) || host.endsWith('.home.arpa')
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv4 || address.match(givenOut)
}

/** Null: not an address. Mapped and translated (NAT64) ones count as the address that they stand for. */
function readAddress(text: string): Address | null {
  if (text.includes('%') || !/^[\d.]+$|:/.test(text)) return null
  const isAddress = text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text)
  if (!isAddress) return null
  const address = ipaddr.parse(text)
  if (address instanceof ipaddr.IPv4 || !wrappings.some((range) => address.match(range))) return address
  return new ipaddr.IPv4(address.toByteArray().slice(12))
}

function readEntry(text: string): string | Range {
  const [, start = '', bits] = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(text) ?? []
  const address = readAddress(bits === undefined ? text.replace(/^\[(.*)\]$/, '$1') : start)
  const width = address?.kind() === 'ipv4' ? 32 : 128
  if (address && Number(bits ?? width) <= width) return { address, bits: Number(bits ?? width) }
  if (bits === undefined && /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(text)) return text.toLowerCase()
  throw new Error(`"${text}" is no host name, address or range.`)
}
