/**
 * Every way in which this NAS can be made to misbehave; `docs/local-nas.md` and `--help` are held against it.
 *
 * `takes`: what the value is. amount: a number, a duration (`500ms`, `2s`, `7d`) or a count, `fallback` where it is
 * left out, with an optional `:word` behind it · word: one of `words`, the first if it is left out, with an
 * optional `:amount` behind it · text: as given · nothing.
 * `aims`: the calls it meets if none is named; it can be limited to one `call`.
 * `lasting`: it shifts what is planned and not one call, so it cannot be limited to a number of `times`.
 */
export const misbehaviours = {
  // what calls to the portal meet
  down: {
    takes: 'word',
    words: ['refuse', 'reset', '503'],
    aims: 'every call',
    lasting: true,
    says: 'the portal cannot be reached; fires go on',
  },
  slow: {
    takes: 'amount',
    fallback: 1_000,
    aims: 'agent-cron',
    says: 'answers that much later, the work being done at once',
  },
  lose_answer: {
    takes: 'nothing',
    aims: 'agent-cron',
    says: 'does the work and cuts the connection instead of answering',
  },
  answer: {
    takes: 'word',
    words: ['500', '403', '429', '401', '502', 'firewall', 'garbage'],
    aims: 'agent-cron',
    says: 'answers this and does nothing (429:30 = Retry-After of 30 s)',
  },
  jwks: {
    takes: 'word',
    words: ['down', 'empty', 'garbage', 'huge', 'slow', 'missing'],
    says: 'spoils the JWK set (slow:20s; missing = without the key that signs)',
  },
  token_from: {
    takes: 'word',
    words: ['header', 'form', 'both'],
    says: 'a refresh reads the refresh token there only; both = both, and they have to agree',
  },
  login_error: {
    takes: 'word',
    words: ['invalid_token', 'refresh_token_reused', '401', '403', 'firewall'],
    says: 'a refresh of a dead login is refused with this code; 401 and 403 have none',
  },
  // what happens to provisions
  provision_answer: {
    takes: 'word',
    words: ['201', '204', 'empty', 'no_id', 'text'],
    says: 'a provision that was carried out is answered so, without schedule_id but for 201',
  },
  swallow_dedup: {
    takes: 'nothing',
    says: 'a dedup_key that was used before is a no-op even when its row is gone',
  },
  reject_past: { takes: 'nothing', says: '400 where fire_at is in the past' },
  max_horizon: {
    takes: 'amount',
    fallback: 7 * 86_400_000,
    says: '422 where fire_at is further ahead (7d:400 = status 400)',
  },
  truncate_fire_at: { takes: 'nothing', says: 'cuts fire_at to whole seconds, for comparing and firing too' },
  reformat_fire_at: { takes: 'text', fallback: '+00:00', says: 'gives fire_at back with this offset' },
  lock_while_relaying: { takes: 'nothing', says: 'a provision waits until the fire of its job is answered' },
  answer_after_fire: { takes: 'nothing', says: 'a provision in the past is answered after its fire was' },
  cancel_retries_on_replace: {
    takes: 'nothing',
    says: 'a retry that is owed is dropped when its arm is replaced',
  },
  cancel_keeps_retries: { takes: 'nothing', says: 'a cancel leaves the retries that are owed' },
  // what happens to fires
  hold_fires: { takes: 'nothing', lasting: true, says: 'nothing is fired until it is taken back' },
  fire_early: { takes: 'amount', fallback: 30_000, lasting: true, says: 'fires so much before fire_at' },
  fire_late: { takes: 'amount', fallback: 30_000, lasting: true, says: 'fires so much after fire_at' },
  duplicate: { takes: 'amount', fallback: 2, says: 'delivers a fire so many times at once' },
  reorder: {
    takes: 'amount',
    fallback: 60_000,
    says: 'holds a fire until another was delivered, at most so long',
  },
  omit_fire_at: { takes: 'nothing', says: 'leaves fire_at out of the body' },
  token_claims: { takes: 'nothing', says: 'puts job_id and fire_at into the token too' },
  bad_token: {
    takes: 'word',
    words: ['expired', 'forged', 'wrong_aud', 'wrong_iss', 'wrong_purpose', 'no_exp', 'future', 'none'],
    says: 'signs fires badly',
  },
  ignore_2xx: { takes: 'nothing', says: 'a 2xx to a fire gets lost on the way: the fire stays owed' },
  few_retries: { takes: 'nothing', says: 'retries after 12 s, 2.5 min and 30 min, then gives up' },
  give_up_after: { takes: 'amount', fallback: 1, says: 'gives up after so many tries' },
  // what happens to rows after a fire
  forget_on_2xx: {
    takes: 'amount',
    fallback: 0,
    says: 'deletes the row of the job, even a newer one, so long after a 2xx',
  },
  keep: { takes: 'nothing', says: 'keeps the row after a 2xx' },
  // what the list shows
  list_missing: { takes: 'nothing', says: 'GET list is 404' },
  list_stale: { takes: 'nothing', lasting: true, says: 'lists what was armed when this began' },
  list_partial: { takes: 'amount', fallback: 1, says: 'lists so many rows only' },
  list_foreign: { takes: 'amount', fallback: 1, says: 'lists so many more rows that no agent here armed' },
  // its clock
  skew: {
    takes: 'amount',
    fallback: 60_000,
    lasting: true,
    says: 'its clock is so much ahead (negative: behind)',
  },
} as const satisfies Record<string, Kind>

type Takes =
  | { takes: 'nothing' }
  | { takes: 'amount'; fallback: number }
  | { takes: 'word'; words: readonly string[] }
  | { takes: 'text'; fallback: string }

type Kind = Takes & { aims?: 'every call' | 'agent-cron'; lasting?: true; says: string }

export type MisbehaviourName = keyof typeof misbehaviours
export type MisbehaviourKind = Kind

export function isMisbehaviour(name: unknown): name is MisbehaviourName {
  return typeof name === 'string' && Object.hasOwn(misbehaviours, name)
}
