/** Codes that any input may be refused with, and any body besides. */
export const inputErrors = ['FIELD_INVALID', 'FIELD_UNKNOWN'] as const
export const bodyErrors = [
  ...inputErrors,
  'REQUEST_MALFORMED',
  'BODY_NOT_JSON',
  'BODY_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
] as const
