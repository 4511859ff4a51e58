/** The final verdicts of slots, as the days of history count them. */
export const slotVerdicts = ['ran', 'skipped', 'missed', 'cancelled', 'superseded'] as const
