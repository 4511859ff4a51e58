import { join } from 'node:path'

/** Where the built page lies. The bundle has the folder beside itself instead of this module. */
export const webFolder = join(import.meta.dirname, '../../dist/web')
