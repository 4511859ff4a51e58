/** The template name, and the header, of the URL that an asynchronous target reports to. */
export const callbackName = 'callback_url'
export const callbackHeader = 'x-chronos-callback'
