import type { DatabaseTarget } from '../../src/ground/database-url.ts'

export const usualApplicationName = 'chronos'

/**
 * What each session is asked to begin with. Times travel in ISO form and UTC, whatever a role or a database has set: both
 * parameters are among the few that every transaction pooler keeps track of, so none refuses them.
 */
export function sessionOf(
  { applicationName: wanted, options }: Pick<DatabaseTarget, 'applicationName' | 'options'>,
  applicationName: string,
) {
  return {
    application_name: wanted ?? applicationName,
    DateStyle: 'ISO',
    TimeZone: 'UTC',
    ...(options !== null && { options }),
  }
}
