export const usualBase = 'https://api.telegram.org'
