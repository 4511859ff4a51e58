import type { ArmLease, ArmOrder } from '../../db/index.ts'

/**
 * A new arm lease for a process: longer than the 15 s that a call may take and the moment that an order may wait before
 * it, so that two provisions for one job never overlap, and told apart from every other that it takes.
 */
export function armLease(owner: string): ArmLease {
  return leasesOf(owner, null).nextLease()
}

/**
 * Leases for the tries of one arm, from the first that took `order` on. Each takes over the lease of an earlier try
 * and never learned of, and goes by another text: a statement of an earlier try that is carried out late must not give
 * back the lease under which a call is made by now.
 */
export function leasesOf(
  owner: string,
  order: ArmOrder | null,
): { heirOf: string; nextLease: () => ArmLease } {
  if (!order) leasesTaken += 1
  const [heirOf = '', tries] = order ? order.holder.split(/(?<=\/)(?=\d+$)/) : [`${owner}/${leasesTaken}/`, 0]
  let taken = Number(tries)
  return {
    heirOf,
    nextLease() {
      taken += 1
      return { holder: `${heirOf}${taken}`, heirOf, ms: leaseMs }
    },
  }
}

let leasesTaken = 0
const leaseMs = 21_000

/** An order that is older when it comes to hand is left: its call could outlast the arm lease. */
export const orderGoodForMs = 4_000
