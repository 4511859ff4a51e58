/** Of the service; the same as in package.json, which a lone bundled file does not have beside it (a test compares). */
export const version = '0.1.0'
export const userAgent = `chronos/${version}`
