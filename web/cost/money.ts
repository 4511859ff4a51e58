/** Money of prompts, in US dollars; small amounts keep the digits that say something. */
export function moneyText(usd: number): string {
  const digits = usd === 0 || usd >= 1 ? 2 : usd >= 0.01 ? 3 : 5
  return new Intl.NumberFormat(navigator.language, {
    style: 'currency',
    currency: 'USD',
    maximumFractionDigits: digits,
  }).format(usd)
}

/** 0.17 %, 12 %, 100 %. */
export function shareText(part: number, whole: number): string {
  const share = whole === 0 ? 0 : part / whole
  return new Intl.NumberFormat(navigator.language, {
    style: 'percent',
    maximumSignificantDigits: share >= 0.995 ? 3 : 2,
  }).format(share)
}
