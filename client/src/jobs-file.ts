import type { components } from './document.ts'

export type JobsFile = components['schemas']['JobsFile']

/** The file of jobs itself, so that editors complete, and compilers check `chronos.ts`, which exports it as default. */
export function defineJobs<const File extends JobsFile>(file: File): File {
  return file
}
