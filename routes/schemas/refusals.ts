/** Codes that any input may be refused with, and any body besides. */
export const inputErrors = ['FIELD_INVALID', 'FIELD_UNKNOWN'] as const
export const bodyErrors = [
  ...inputErrors,
  'REQUEST_MALFORMED',
  'BODY_NOT_JSON',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
] as const
export const jobErrors = ['JOB_ID_INVALID', 'JOB_NOT_FOUND'] as const
export const scheduleErrors = ['SCHEDULE_INVALID', 'SCHEDULE_IN_PAST', 'TIMEZONE_UNKNOWN'] as const
