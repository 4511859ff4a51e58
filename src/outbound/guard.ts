import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { type AllowEntry, readAllowEntry, readHost } from '../ground/allow.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = { address: Address; bits: number; port: number | null }
type Own = { host: string; port: number; isHere: boolean }

export type GuardNeeds = {
  /** Entries of TARGET_ALLOW. */
  allow: readonly string[]
  /** URLs that are never called: this process's own addresses, its public address, NAS. */
  own: readonly string[]
}

/** Says why a target must not be called, as the end of a sentence that begins with it; null: it may be. */
export type Guard = {
  /** Before any look-up. `host` as `readHost` gives it. */
  ofHost(host: string, port: number): string | null
  /** Of one address that `host` has, or is. */
  ofAddress(host: string, address: string, port: number): string | null
}

/** @throws Error: an entry that cannot be read; the configuration checks them before. */
export function createGuard(needs: GuardNeeds): Guard {
  const entries = needs.allow.map(readEntry)
  const ranges = entries.flatMap((entry) => (entry.kind === 'range' ? readRange(entry) : []))
  const names = entries.filter((entry) => entry.kind === 'name')
  const own = needs.own.map(readOwn)
  const isNamed = (host: string, port: number) =>
    names.some(
      (entry) =>
        isFor(entry, port) && (entry.isSuffix ? host.endsWith(`.${entry.name}`) : host === entry.name),
    )
  return {
    ofHost(host, port) {
      if (own.some((one) => one.host === host && (!one.isHere || one.port === port))) return ownSays
      if (isIP(host) || !isPrivateName(host) || isNamed(host, port)) return null
      // Where addresses are allowed, the name is as good as they are.
      if (ranges.some((range) => isLocalhost(host) || range.address.range() !== 'loopback')) return null
      return `is a name of a private network${expected}`
    },
    ofAddress(host, text, port) {
      const address = readAddress(text)
      if (!address) return 'has an address that cannot be read'
      if (own.some((one) => isOwnAddress(one, address, port))) return ownSays
      const inRange = ranges.filter((range) => isFor(range, port) && isWithin(address, range))
      if (platformRanges.some((range) => isWithin(address, range)))
        return inRange.some(isOneAddress) ? null : `has a platform address (metadata, link-local)${byAddress}`
      if (inRange.length > 0 || isNamed(host, port)) return null
      if (isPrivateName(host)) return `is a name of a private network${expected}`
      return isPublic(address) ? null : `has no public address (${address.range()})${expected}`
    },
  }
}

const expected = '. To allow it, add it to TARGET_ALLOW'
const byAddress = '. To allow it, add this exact address to TARGET_ALLOW'
const ownSays = 'is this service itself or NAS, which may not be called'

/**
 * Top-level names that no public name ends with: ICANN's `internal`, RFC 6762 (`local` and its appendix G), RFC 6761
 * (`localhost`), Fly's `flycast`.
 */
const privateTopLevel = new Set(
  'internal flycast local localhost localdomain lan home corp intranet private'.split(' '),
)

/** A name without a dot is completed from the machine's own search list, or stands in its hosts file. */
function isPrivateName(host: string): boolean {
  if (isIP(host)) return false
  const end = host.slice(host.lastIndexOf('.') + 1)
  return end === host || privateTopLevel.has(end) || host.endsWith('.home.arpa')
}

function isLocalhost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost')
}

/**
 * Where platforms answer any caller with the machine's credentials. Neither a name nor a range lets them through:
 * who allows 10.0.0.0/8 or *.internal does not mean these. Link-local (AWS, GCP, Azure, Fly and more), EC2, GCP, the
 * hosts of Fly's private network (no app has an address there), Azure (public by its number), Alibaba, Oracle.
 */
const platformRanges = [
  ...['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::/32', 'fd20:ce::/32', 'fdaa::/48'],
  ...['168.63.129.16/32', '100.100.100.200/32', '192.0.0.192/32'],
].map((text) => {
  const [address, bits] = ipaddr.parseCIDR(text)
  return { address, bits, port: null }
})

// All that IANA has given out. Some notations of IPv4 within IPv6, such as ::127.0.0.1, are in no range of their own.
const givenOut = ipaddr.IPv6.parseCIDR('2000::/3')

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv4 || address.match(givenOut)
}

/** Null: not an address. Mapped (::ffff:0:0/96) and translated (NAT64, 64:ff9b::/96) ones count as the address that they stand for. */
function readAddress(text: string): Address | null {
  if (isIP(text) === 0 || text.includes('%')) return null
  return unwrap(ipaddr.parse(text))
}

const wrappings = [ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), ipaddr.IPv6.parseCIDR('64:ff9b::/96')]

function unwrap(address: Address): Address {
  if (address instanceof ipaddr.IPv4 || !wrappings.some((range) => address.match(range))) return address
  return new ipaddr.IPv4(address.toByteArray().slice(12))
}

function isWithin(address: Address, range: Range): boolean {
  return address.kind() === range.address.kind() && address.match(range.address, range.bits)
}

function isFor({ port }: { port: number | null }, asked: number): boolean {
  return port === null || port === asked
}

function isOneAddress({ address, bits }: Range): boolean {
  return bits === address.toByteArray().length * 8
}

function readEntry(text: string): AllowEntry {
  const entry = readAllowEntry(text)
  if (entry) return entry
  throw new Error(`TARGET_ALLOW: "${text}" is not a host, an address or a range`)
}

function readRange({ address: text, bits, port }: AllowEntry & { kind: 'range' }): Range {
  const address = ipaddr.parse(text)
  const inner = bits < 96 ? address : unwrap(address)
  return { address: inner, bits: inner === address ? bits : bits - 96, port }
}

/** Many services share the address of a machine, so one that names this machine by itself is ours on its port only. */
function readOwn(text: string): Own {
  const url = new URL(text)
  const host = readHost(url.hostname)
  if (host === null) throw new Error(`"${url.origin}" has no host`)
  const isHere = host === 'localhost' || isHereAlways(readAddress(host))
  return { host, port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)), isHere }
}

function isOwnAddress({ host, port: ownPort, isHere }: Own, address: Address, port: number): boolean {
  if (!isHere) return readAddress(host)?.toString() === address.toString()
  return port === ownPort && (isHereAlways(address) || isOfThisMachine(address))
}

function isHereAlways(address: Address | null): boolean {
  return address !== null && ['loopback', 'unspecified'].includes(address.range())
}

function isOfThisMachine(address: Address): boolean {
  const known = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return known.some((one) => readAddress(one.address)?.toString() === address.toString())
}
