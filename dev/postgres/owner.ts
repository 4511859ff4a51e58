import { stat } from 'node:fs/promises'

/** The user that the server runs as; null: our own. */
export type Owner = { uid: number; gid: number } | null

export type Command = { file: string; args: string[] }

/** PostgreSQL refuses to run as root: then it runs as the one who owns the data, at first `nobody` (65534). */
export async function ownerFor(directory: string): Promise<Owner> {
  if (process.getuid?.() !== 0) return null
  const found = await stat(directory).catch(() => null)
  return found && found.uid !== 0 ? { uid: found.uid, gid: found.gid } : { uid: 65534, gid: 65534 }
}

/**
 * `file` as `owner`. That user often cannot reach the checkout or the data (a directory under /root, or one made
 * by mktemp), so it keeps root's right to pass: the one capability CAP_DAC_OVERRIDE. `no_setuid_fixup` makes it
 * count for access(2) too, with which initdb looks for its neighbours.
 */
export function commandAs(owner: Owner, file: string, args: string[]): Command {
  if (!owner) return { file, args }
  const identity = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  const capabilities = [
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
    '--securebits=+no_setuid_fixup',
  ]
  return { file: 'setpriv', args: [...identity, ...capabilities, '--', file, ...args] }
}
