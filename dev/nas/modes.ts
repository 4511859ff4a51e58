/**
 * What the contract leaves open, one entry for each thing: the readings that a NAS may have, each with the
 * misbehaviour (`name=value`) that plays it; null: what this NAS does by itself. The first is the default.
 * `docs/local-nas.md` and `--help` are held against it.
 */
export const modes = {
  rows: {
    says: 'the row of a job on a 2xx to its fire: delivered = only the arm that was delivered goes',
    readings: { delivered: null, kept: 'keep', forgotten: 'forget_on_2xx' },
  },
  list: { says: 'GET list', readings: { present: null, missing: 'list_missing' } },
  'provision-answer': {
    says: 'what a provision that was carried out is answered; empty = 200 without a body',
    readings: {
      200: null,
      201: 'provision_answer=201',
      204: 'provision_answer=204',
      empty: 'provision_answer=empty',
      'no-id': 'provision_answer=no_id',
    },
  },
  'fire-at': {
    says: 'how fire_at comes back, in the list and in fires',
    readings: {
      given: null,
      seconds: 'truncate_fire_at',
      utc: 'reformat_fire_at=+00:00',
      offset: 'reformat_fire_at=-03:30',
      absent: 'omit_fire_at',
    },
  },
  callback: {
    says: 'for an instant that has passed: whether the fire comes before the answer to its provision',
    readings: { after: null, before: 'answer_after_fire' },
  },
  'token-from': {
    says: 'where a refresh reads the refresh token',
    readings: {
      either: null,
      header: 'token_from=header',
      form: 'token_from=form',
      both: 'token_from=both',
    },
  },
  'dead-login': {
    says: 'how a refresh of a dead login is refused; 401 and 403 name no code',
    readings: {
      invalid_grant: null,
      invalid_token: 'login_error=invalid_token',
      refresh_token_reused: 'login_error=refresh_token_reused',
      401: 'login_error=401',
      403: 'login_error=403',
    },
  },
  retries: {
    says: 'of a fire without a 2xx; few = after 12 s, 2.5 min and 30 min, then given up',
    readings: { many: null, few: 'few_retries' },
  },
  horizon: { says: 'how far ahead fire_at may be', readings: { none: null, week: 'max_horizon=7d' } },
  replaced: {
    says: 'the retries that an arm is owed when it is replaced',
    readings: { owed: null, dropped: 'cancel_retries_on_replace' },
  },
  dedup: {
    says: 'a dedup_key that was used before: compared with the row, or remembered for ever',
    readings: { row: null, remembered: 'swallow_dedup' },
  },
} as const satisfies Record<string, { says: string; readings: Record<string, string | null> }>

export type Modes = { [Name in keyof typeof modes]?: string }

/** The misbehaviours that play these readings. @throws Error: a reading that does not exist. */
export function misbehavioursOf(chosen: Modes): string[] {
  return Object.entries(chosen).flatMap(([name, reading]) => {
    const readings: Record<string, string | null> = modes[name as keyof Modes].readings
    const found = readings[reading]
    if (found === undefined)
      throw new Error(`--${name} is ${reading}, expected one of ${Object.keys(readings).join(', ')}`)
    return found === null ? [] : [found]
  })
}
