-- Who we are to the timer service: the chain of refresh tokens of one login, shared by all processes. Tokens are
-- sealed; hashes (SHA-256, hex) tell them apart.
create table nas_login (
  client_id         text        not null,
  first_hash        text        not null,               -- of the token from the environment that began this chain
  former_hashes     text[]      not null default '{}',  -- of those that began earlier chains; they never begin again
  refresh_hash      text        not null,
  refresh_sealed    text        not null,
  access_sealed     text,
  access_refresh_at timestamptz,                        -- renewed from here on
  access_expires_at timestamptz,                        -- of no use from here on
  begun             integer     not null default 0,     -- refreshes begun with this refresh token, outcome not known
  lease_owner       uuid,                               -- who may refresh now
  lease_until       timestamptz,
  refused_at        timestamptz,                        -- the portal will never take this refresh token
  refused_message   text,
  updated_at        timestamptz not null default clock_timestamp(),
  constraint nas_login_pkey primary key (client_id),
  constraint nas_login_hash_form check (first_hash ~ '^[0-9a-f]{64}$' and refresh_hash ~ '^[0-9a-f]{64}$'),
  constraint nas_login_first_not_former check (first_hash <> all (former_hashes)),
  constraint nas_login_refresh_sealed check (refresh_sealed ~ '^v[0-9]+\.[0-9a-f]+\.'),
  constraint nas_login_access_sealed check (access_sealed ~ '^v[0-9]+\.[0-9a-f]+\.'),
  constraint nas_login_access_whole check (num_nonnulls(access_sealed, access_refresh_at, access_expires_at) in (0, 3)),
  constraint nas_login_access_order check (access_refresh_at <= access_expires_at),
  constraint nas_login_begun_counts check (begun >= 0),
  constraint nas_login_lease_whole check (num_nonnulls(lease_owner, lease_until) in (0, 2)),
  constraint nas_login_refused_whole check (num_nonnulls(refused_at, refused_message) in (0, 2)),
  constraint nas_login_refused_unleased check (refused_at is null or lease_owner is null)
);

-- The last good key set of the portal, so that a cold start can check a token without asking for it.
create table nas_keys (
  jwks_url   text        not null,
  jwks       jsonb       not null,
  fetched_at timestamptz not null,
  constraint nas_keys_pkey primary key (jwks_url),
  constraint nas_keys_form check (jsonb_typeof(jwks -> 'keys') = 'array'),
  constraint nas_keys_not_empty check (jsonb_array_length(jwks -> 'keys') > 0)
);
