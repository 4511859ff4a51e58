import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'

/** As much of package-lock.json as is asked for. Paths are those of `node_modules`. */
export type Lockfile = {
  name: string
  version: string
  packages: Record<string, { version?: string; license?: string; integrity?: string }>
}

/** The folder of the package that a file of a bundle belongs to (`later:` is said of some, see later.ts); null: it is ours. */
export function packageFolderOf(path: string): string | null {
  return /^(?:later:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? null
}

/**
 * The software bill of materials (CycloneDX 1.6, JSON) of the files that are shipped: the packages whose code is in the
 * bundle, with version, licence, checksum and package URL as the lockfile has them, and the Node that runs it. The same
 * input gives the same bytes: there is no time in it, and no serial number.
 *
 * @throws Error: the bundle has a package that the lockfile does not know
 */
export function sbomOf(files: Iterable<string>, lockfile: Lockfile, nodeVersion: string): string {
  const folders = new Set([...files].map(packageFolderOf).filter((folder) => folder !== null))
  const app = component(Enums.ComponentType.Application, lockfile.name, lockfile.version)
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: app }) })
  bom.components.add(runtime(nodeVersion))
  // a version that stands in two folders is one component
  const found = [...folders].map((folder) => packageAt(folder, lockfile))
  for (const one of new Map(found.map((each) => [each.bomRef.value, each])).values()) bom.components.add(one)
  for (const { bomRef } of bom.components) app.dependencies.add(bomRef)
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6)
  const text = new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 })
  return `${text}\n`
}

function packageAt(folder: string, { packages }: Lockfile): Models.Component {
  const found = packages[folder]
  if (!found?.version) throw new Error(`${folder} is in the bundle and not in package-lock.json`)
  const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const made = component(Enums.ComponentType.Library, name, found.version)
  made.purl = `pkg:npm/${name.replace('@', '%40')}@${found.version}`
  const { license, integrity } = found
  if (license) made.licenses.add(licenceOf(license))
  const checksum = /^sha512-(.+)$/.exec(integrity ?? '')?.[1]
  if (checksum)
    made.hashes.set(Enums.HashAlgorithm['SHA-512'], Buffer.from(checksum, 'base64').toString('hex'))
  return made
}

function licenceOf(license: string): Models.SpdxLicense | Models.LicenseExpression {
  return / (OR|AND|WITH) /.test(license)
    ? new Models.LicenseExpression(license)
    : new Models.SpdxLicense(license)
}

function runtime(nodeVersion: string): Models.Component {
  const version = nodeVersion.replace(/^v/, '')
  const node = component(Enums.ComponentType.Platform, 'node', version)
  node.purl = `pkg:generic/node@${version}`
  return node
}

function component(type: Enums.ComponentType, name: string, version: string): Models.Component {
  return new Models.Component(type, name, { version, bomRef: `${name}@${version}` })
}
