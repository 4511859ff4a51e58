create table api_keys (
  id text not null,
  name text not null,
  hash text not null,
  scopes text[] not null,
  created_by text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  project text,
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_project_fkey FOREIGN KEY (project) REFERENCES projects(name),
  constraint api_keys_hash_form CHECK ((hash ~ '^[0-9a-f]{64}$'::text)),
  constraint api_keys_id_form CHECK ((id ~ '^[0-9a-f]{12}$'::text)),
  constraint api_keys_scopes CHECK (((scopes <@ ARRAY['jobs:read'::text, 'jobs:write'::text, 'runs:start'::text, 'admin'::text]) AND (scopes <> '{}'::text[])))
);

create table arms (
  id bigint default ((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint not null,
  job_id text not null,
  gen bigint not null,
  fire_at timestamp with time zone,
  asked_at timestamp with time zone default clock_timestamp() not null,
  took_ms integer not null,
  outcome text not null,
  schedule_id text,
  error_code text,
  error text,
  constraint arms_pkey PRIMARY KEY (job_id, id),
  constraint arms_outcome CHECK ((outcome = ANY (ARRAY['armed'::text, 'cancelled'::text, 'failed'::text])))
);

create table attempt_logs (
  run_id uuid not null,
  attempt integer not null,
  job_id text not null,
  head bytea not null,
  tail bytea default '\x'::bytea not null,
  total bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint attempt_logs_pkey PRIMARY KEY (run_id, attempt),
  constraint attempt_logs_run_fkey FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE,
  constraint attempt_logs_total CHECK ((total >= (length(head) + length(tail))))
);
CREATE INDEX attempt_logs_job ON public.attempt_logs USING btree (job_id, created_at);

create table audit (
  id bigint generated always as identity not null,
  at timestamp with time zone default clock_timestamp() not null,
  actor text not null,
  action text not null,
  target text,
  status integer,
  request_id text,
  detail jsonb,
  project text,
  changed jsonb,
  constraint audit_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_action ON public.audit USING btree (action, id);
CREATE INDEX audit_actor ON public.audit USING btree (actor, id);
CREATE INDEX audit_project ON public.audit USING btree (project, id);

create table busy_days (
  job_id text not null,
  day date not null,
  awake_ms bigint not null,
  constraint busy_days_pkey PRIMARY KEY (job_id, day)
);
CREATE INDEX busy_days_day ON public.busy_days USING btree (day, awake_ms);

create table channels (
  name text not null,
  type text not null,
  sealed text not null,
  default_on text[],
  disabled_at timestamp with time zone,
  disabled_reason text,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  last_error text,
  last_error_at timestamp with time zone,
  project text generated always as (
CASE
    WHEN (strpos(name, '/'::text) > 0) THEN split_part(name, '/'::text, 1)
    ELSE 'default'::text
END) stored not null,
  constraint channels_pkey PRIMARY KEY (name),
  constraint channels_disabled_whole CHECK (((disabled_at IS NULL) = (disabled_reason IS NULL))),
  constraint channels_error_whole CHECK (((last_error IS NULL) = (last_error_at IS NULL))),
  constraint channels_name_form CHECK ((name ~ '^([a-z0-9][a-z0-9-]{0,38}/)?[a-z0-9][a-z0-9_-]{0,62}$'::text)),
  constraint channels_sealed_form CHECK ((sealed ~ '^v[0-9]+\.[0-9a-f]+\.'::text))
);
CREATE INDEX channels_default ON public.channels USING btree (name) WHERE (default_on IS NOT NULL);

create table chronos_migrations (
  name text not null,
  hash text not null,
  applied_at timestamp with time zone default now() not null,
  constraint chronos_migrations_pkey PRIMARY KEY (name)
);

create table counters (
  name text not null,
  labels text not null,
  value double precision not null,
  batch uuid not null,
  constraint counters_pkey PRIMARY KEY (name, labels)
);

create table deliveries (
  id uuid not null,
  seq bigint generated always as identity not null,
  run_id uuid not null,
  job_id text not null,
  target jsonb not null,
  event text not null,
  state text not null,
  attempt integer default 0 not null,
  due_at timestamp with time zone,
  owner text,
  lease_until timestamp with time zone,
  error_code text,
  error_message text,
  created_at timestamp with time zone default clock_timestamp() not null,
  finished_at timestamp with time zone,
  constraint deliveries_pkey PRIMARY KEY (id),
  constraint deliveries_run_fkey FOREIGN KEY (run_id) REFERENCES runs(id) ON DELETE CASCADE,
  constraint deliveries_event CHECK ((event = ANY (ARRAY['success'::text, 'failure'::text, 'recovery'::text]))),
  constraint deliveries_finished CHECK (((state = 'pending'::text) = (finished_at IS NULL))),
  constraint deliveries_lease CHECK (((lease_until IS NULL) = (owner IS NULL))),
  constraint deliveries_owed CHECK (((state = 'pending'::text) = (num_nonnulls(due_at, lease_until) = 1))),
  constraint deliveries_state CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
);
CREATE INDEX deliveries_failed ON public.deliveries USING btree (seq) WHERE (state = 'failed'::text);
CREATE INDEX deliveries_pending ON public.deliveries USING btree (job_id) WHERE (state = 'pending'::text);
CREATE INDEX deliveries_run ON public.deliveries USING btree (run_id);
CREATE UNIQUE INDEX deliveries_seq ON public.deliveries USING btree (seq);

create table facts (
  name text not null,
  value jsonb not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint facts_pkey PRIMARY KEY (name)
);

create table folded_slots (
  id bigint generated always as identity not null,
  job_id text not null,
  first_slot timestamp with time zone not null,
  last_slot timestamp with time zone not null,
  count integer not null,
  verdict text not null,
  reason text not null,
  rule jsonb not null,
  recorded_at timestamp with time zone default clock_timestamp() not null,
  constraint folded_slots_pkey PRIMARY KEY (id),
  constraint folded_slots_span CHECK (((first_slot <= last_slot) AND (count >= 1))),
  constraint folded_slots_verdict CHECK ((verdict = ANY (ARRAY['skipped'::text, 'missed'::text, 'superseded'::text, 'cancelled'::text])))
);
CREATE INDEX folded_slots_job ON public.folded_slots USING btree (job_id, last_slot);

create table history (
  is_only boolean default true not null,
  folded_to timestamp with time zone default '-infinity'::timestamp with time zone not null,
  slots_to bigint default 0 not null,
  tended_at timestamp with time zone default clock_timestamp() not null,
  constraint history_pkey PRIMARY KEY (is_only),
  constraint history_only CHECK (is_only)
);

create table idempotency_keys (
  key text not null,
  body_hash text not null,
  job_id text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint idempotency_keys_pkey PRIMARY KEY (key),
  constraint idempotency_keys_job_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_created ON public.idempotency_keys USING btree (created_at);
CREATE INDEX idempotency_keys_job ON public.idempotency_keys USING btree (job_id);

create table job_days (
  job_id text not null,
  day date not null,
  runs_succeeded integer default 0 not null,
  runs_failed integer default 0 not null,
  runs_timed_out integer default 0 not null,
  runs_interrupted integer default 0 not null,
  runs_cancelled integer default 0 not null,
  runs_skipped integer default 0 not null,
  slots_ran integer default 0 not null,
  slots_skipped integer default 0 not null,
  slots_missed integer default 0 not null,
  slots_cancelled integer default 0 not null,
  slots_superseded integer default 0 not null,
  attempts integer default 0 not null,
  tokens_in bigint default 0 not null,
  tokens_out bigint default 0 not null,
  cost_usd double precision default 0 not null,
  duration_ms bigint default 0 not null,
  duration_counts integer[] default '{}'::integer[] not null,
  lateness_ms bigint default 0 not null,
  lateness_counts integer[] default '{}'::integer[] not null,
  awake_ms bigint default 0 not null,
  constraint job_days_pkey PRIMARY KEY (job_id, day)
);
CREATE INDEX job_days_day ON public.job_days USING btree (day);

create table job_history (
  job_id text not null,
  kept integer not null,
  bare_to bigint default 0 not null,
  next_at timestamp with time zone not null,
  gone_to timestamp with time zone,
  constraint job_history_pkey PRIMARY KEY (job_id)
);
CREATE INDEX job_history_next ON public.job_history USING btree (next_at);

create table job_runtime (
  job_id text not null,
  rev bigint default 1 not null,
  state text default 'scheduled'::text not null,
  next_slot timestamp with time zone,
  last_slot timestamp with time zone,
  slots_used integer default 0 not null,
  fence bigint default 0 not null,
  paused_at timestamp with time zone,
  paused_reason text,
  resume_at timestamp with time zone,
  failure_streak integer default 0 not null,
  last_run_at timestamp with time zone,
  last_status text,
  last_error text,
  wake_at timestamp with time zone,
  wake_gen bigint default 1 not null,
  wake_changed_at timestamp with time zone default clock_timestamp() not null,
  armed_gen bigint default 0 not null,
  armed_at timestamp with time zone,
  armed_schedule text,
  recent_arms timestamp with time zone[] default '{}'::timestamp with time zone[] not null,
  arm_lease_by text,
  arm_lease_until timestamp with time zone,
  arm_error text,
  arm_failed_at timestamp with time zone,
  output_hash text,
  after_slot timestamp with time zone,
  ready_from timestamp with time zone,
  ready_until timestamp with time zone,
  ready_version bigint,
  ready_rev bigint,
  constraint job_runtime_pkey PRIMARY KEY (job_id),
  constraint job_runtime_job_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE,
  constraint job_runtime_gen CHECK ((armed_gen <= wake_gen)),
  constraint job_runtime_slots_ordered CHECK ((next_slot > last_slot))
);
CREATE INDEX job_runtime_early ON public.job_runtime USING btree (armed_at) WHERE ((armed_gen = wake_gen) AND (armed_at < wake_at));
CREATE INDEX job_runtime_owed ON public.job_runtime USING btree (job_id) WHERE (armed_gen < wake_gen);
CREATE INDEX job_runtime_resting ON public.job_runtime USING btree (state, job_id) WHERE (state <> 'scheduled'::text);
CREATE INDEX job_runtime_wake ON public.job_runtime USING btree (wake_at) WHERE (wake_at IS NOT NULL);

create table jobs (
  id text not null,
  seq bigint generated always as identity not null,
  name text not null,
  schedule jsonb not null,
  timezone text not null,
  anchor timestamp with time zone not null,
  prompt text,
  skills text[] default '{}'::text[] not null,
  deliver jsonb,
  action jsonb not null,
  policy jsonb default '{}'::jsonb not null,
  repeat_times integer,
  tags text[] default '{}'::text[] not null,
  version bigint default 1 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  after_job text,
  after_on text[],
  key text,
  project text default 'default'::text not null,
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_after_fkey FOREIGN KEY (after_job) REFERENCES jobs(id),
  constraint jobs_project_fkey FOREIGN KEY (project) REFERENCES projects(name),
  constraint jobs_action_type CHECK ((action ? 'type'::text)),
  constraint jobs_after_other CHECK ((after_job <> id)),
  constraint jobs_after_schedule CHECK ((((schedule ->> 'kind'::text) <> 'after'::text) OR (after_job IS NOT NULL))),
  constraint jobs_after_whole CHECK (((after_job IS NULL) = (after_on IS NULL))),
  constraint jobs_id_form CHECK ((id ~ '^[0-9a-f]{12}$'::text)),
  constraint jobs_name_length CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint jobs_repeat_positive CHECK ((repeat_times > 0)),
  constraint jobs_schedule_kind CHECK (((schedule ->> 'kind'::text) = ANY (ARRAY['cron'::text, 'interval'::text, 'once'::text, 'after'::text, 'calendar'::text, 'rules'::text]))) NOT VALID
);
CREATE INDEX jobs_after ON public.jobs USING btree (after_job) WHERE (after_job IS NOT NULL);
CREATE UNIQUE INDEX jobs_named_once ON public.jobs USING btree (project, key) WHERE (key IS NOT NULL);
CREATE INDEX jobs_project ON public.jobs USING btree (project, seq);
CREATE UNIQUE INDEX jobs_seq ON public.jobs USING btree (seq);
CREATE INDEX jobs_tags ON public.jobs USING gin (tags);
CREATE TRIGGER jobs_quota AFTER INSERT ON public.jobs REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION check_jobs_of_projects();

create table nas_keys (
  jwks_url text not null,
  jwks jsonb not null,
  fetched_at timestamp with time zone not null,
  constraint nas_keys_pkey PRIMARY KEY (jwks_url),
  constraint nas_keys_form CHECK ((jsonb_typeof((jwks -> 'keys'::text)) = 'array'::text)),
  constraint nas_keys_not_empty CHECK ((jsonb_array_length((jwks -> 'keys'::text)) > 0))
);

create table nas_login (
  client_id text not null,
  first_hash text not null,
  former_hashes text[] default '{}'::text[] not null,
  refresh_hash text not null,
  refresh_sealed text not null,
  access_sealed text,
  access_refresh_at timestamp with time zone,
  access_expires_at timestamp with time zone,
  begun integer default 0 not null,
  lease_owner uuid,
  lease_until timestamp with time zone,
  refused_at timestamp with time zone,
  refused_message text,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint nas_login_pkey PRIMARY KEY (client_id),
  constraint nas_login_access_order CHECK ((access_refresh_at <= access_expires_at)),
  constraint nas_login_access_sealed CHECK ((access_sealed ~ '^v[0-9]+\.[0-9a-f]+\.'::text)),
  constraint nas_login_access_whole CHECK ((num_nonnulls(access_sealed, access_refresh_at, access_expires_at) = ANY (ARRAY[0, 3]))),
  constraint nas_login_begun_counts CHECK ((begun >= 0)),
  constraint nas_login_first_not_former CHECK ((first_hash <> ALL (former_hashes))),
  constraint nas_login_hash_form CHECK (((first_hash ~ '^[0-9a-f]{64}$'::text) AND (refresh_hash ~ '^[0-9a-f]{64}$'::text))),
  constraint nas_login_lease_whole CHECK ((num_nonnulls(lease_owner, lease_until) = ANY (ARRAY[0, 2]))),
  constraint nas_login_refresh_sealed CHECK ((refresh_sealed ~ '^v[0-9]+\.[0-9a-f]+\.'::text)),
  constraint nas_login_refused_unleased CHECK (((refused_at IS NULL) OR (lease_owner IS NULL))),
  constraint nas_login_refused_whole CHECK ((num_nonnulls(refused_at, refused_message) = ANY (ARRAY[0, 2])))
);

create table orphans (
  job_id text not null,
  deleted_at timestamp with time zone default clock_timestamp() not null,
  cancelled_at timestamp with time zone,
  armed_schedule text,
  purged_at timestamp with time zone,
  constraint orphans_pkey PRIMARY KEY (job_id)
);
CREATE INDEX orphans_deleted ON public.orphans USING btree (deleted_at);
CREATE INDEX orphans_owed ON public.orphans USING btree (job_id) WHERE (cancelled_at IS NULL);
CREATE INDEX orphans_unpurged ON public.orphans USING btree (deleted_at) WHERE (purged_at IS NULL);

create table process_days (
  day date not null,
  starts integer default 0 not null,
  awake_ms bigint default 0 not null,
  fires bigint default 0 not null,
  began timestamp with time zone,
  constraint process_days_pkey PRIMARY KEY (day)
);

create table projects (
  name text not null,
  jobs_max integer,
  runs_per_minute integer,
  places integer,
  minute timestamp with time zone,
  minute_runs integer default 0 not null,
  paused_at timestamp with time zone,
  paused_by text,
  paused_reason text,
  resumed_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  is_special boolean generated always as (((paused_at IS NOT NULL) OR (runs_per_minute IS NOT NULL) OR (places IS NOT NULL))) stored not null,
  constraint projects_pkey PRIMARY KEY (name),
  constraint projects_all_without_quotas CHECK (((name <> '*'::text) OR (num_nonnulls(jobs_max, runs_per_minute, places) = 0))),
  constraint projects_name_form CHECK (((name ~ '^[a-z0-9][a-z0-9-]{0,38}$'::text) OR (name = '*'::text))),
  constraint projects_pause_whole CHECK (((paused_at IS NULL) = (paused_by IS NULL))),
  constraint projects_quotas CHECK (((jobs_max >= 0) AND (runs_per_minute >= 1) AND (places >= 1)))
);

create table runs (
  id uuid not null,
  seq bigint default ((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint not null,
  job_id text not null,
  slot timestamp with time zone,
  trigger text not null,
  state text not null,
  reason text,
  fence bigint not null,
  attempt integer default 0 not null,
  owner text,
  lease_until timestamp with time zone,
  attempt_due_at timestamp with time zone,
  claimed_at timestamp with time zone default clock_timestamp() not null,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  attempts jsonb default '[]'::jsonb not null,
  input jsonb,
  error_code text,
  error_message text,
  output text,
  usage jsonb,
  callback_until timestamp with time zone,
  waiting_since timestamp with time zone,
  constraint runs_pkey PRIMARY KEY (id),
  constraint runs_job_slot UNIQUE (job_id, slot),
  constraint runs_lease CHECK ((((lease_until IS NULL) = (owner IS NULL)) AND ((lease_until IS NULL) OR (finished_at IS NULL))))
);
CREATE INDEX runs_ended ON public.runs USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX runs_job_rare ON public.runs USING btree (job_id, state, seq, id) WHERE (state = ANY (ARRAY['failed'::text, 'timed_out'::text, 'interrupted'::text, 'cancelled'::text, 'skipped'::text]));
CREATE INDEX runs_job_seq ON public.runs USING btree (job_id, seq);
CREATE INDEX runs_live ON public.runs USING btree (job_id) WHERE (state = ANY (ARRAY['claimed'::text, 'running'::text, 'waiting'::text]));
CREATE INDEX runs_newest ON public.runs USING btree (seq, id);
CREATE INDEX runs_rare ON public.runs USING btree (state, seq, id) WHERE (state = ANY (ARRAY['failed'::text, 'timed_out'::text, 'interrupted'::text, 'cancelled'::text, 'skipped'::text]));

create table secrets (
  name text not null,
  sealed text not null,
  version integer default 1 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  project text generated always as (
CASE
    WHEN (strpos(name, '/'::text) > 0) THEN split_part(name, '/'::text, 1)
    ELSE 'default'::text
END) stored not null,
  constraint secrets_pkey PRIMARY KEY (name),
  constraint secrets_name_form CHECK ((name ~ '^([a-z0-9][a-z0-9-]{0,38}/)?[A-Z][A-Z0-9_]{0,63}$'::text)),
  constraint secrets_sealed_form CHECK ((sealed ~ '^v[0-9]+\.[0-9a-f]+\.'::text))
);

create table service_days (
  day date not null,
  runs_succeeded bigint default 0 not null,
  runs_failed bigint default 0 not null,
  runs_timed_out bigint default 0 not null,
  runs_interrupted bigint default 0 not null,
  runs_cancelled bigint default 0 not null,
  runs_skipped bigint default 0 not null,
  slots_ran bigint default 0 not null,
  slots_skipped bigint default 0 not null,
  slots_missed bigint default 0 not null,
  slots_cancelled bigint default 0 not null,
  slots_superseded bigint default 0 not null,
  attempts bigint default 0 not null,
  tokens_in bigint default 0 not null,
  tokens_out bigint default 0 not null,
  cost_usd double precision default 0 not null,
  duration_ms bigint default 0 not null,
  duration_counts bigint[] default '{}'::bigint[] not null,
  lateness_ms bigint default 0 not null,
  lateness_counts bigint[] default '{}'::bigint[] not null,
  awake_ms bigint default 0 not null,
  constraint service_days_pkey PRIMARY KEY (day)
);

CREATE OR REPLACE FUNCTION public.check_jobs_of_projects()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  quota record;
begin
  for quota in
    select name, jobs_max from projects
    where jobs_max is not null and name in (select project from made) order by name for no key update
  loop
    if (select count(*) from jobs where project = quota.name) > quota.jobs_max then
      raise exception 'project % may have % jobs', quota.name, quota.jobs_max
        using errcode = 'check_violation', constraint = 'projects_jobs_max';
    end if;
  end loop;
  return null;
end $function$;
