import { glob } from 'node:fs/promises'
import { relative, resolve } from 'node:path'

/**
 * The absolute paths of test files of the project, sorted. With filters: those whose path in the project contains one
 * of them (`test/nas`, `vectors`). A filter that fits no file is an error: a typing mistake must not pass as green.
 */
export async function findTestFiles(filters: string[]): Promise<string[]> {
  const all = (await Array.fromAsync(glob('test/**/*.test.ts'))).toSorted()
  const wanted = filters.map((filter) => relative('.', filter) || filter)
  const barren = wanted.find((filter) => !all.some((file) => file.includes(filter)))
  if (barren !== undefined)
    throw new Error(`'${barren}' is in the path of no test file; paths look like ${all[0]}`)
  const chosen = all.filter((file) => wanted.length === 0 || wanted.some((filter) => file.includes(filter)))
  return chosen.map((file) => resolve(file))
}
