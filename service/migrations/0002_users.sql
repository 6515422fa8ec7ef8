-- Who may administrate, their sessions, and what stands against guessing passwords.

-- `login_id` is kept in lower case: it is unique whatever case it is typed in. `tenants` null = every tenant.
-- `session_epoch`: a session lives only while it carries the epoch of its user, so raising it ends all of them at once.
create table users (
  id uuid primary key default gen_random_uuid(),
  login_id text collate "C" not null unique check (login_id ~ '^[a-z0-9._@-]{1,100}$'),
  password_hash text not null check (password_hash like '$argon2id$%'),
  role text not null check (role in ('ADMIN', 'OPERATOR', 'VIEWER')),
  tenants text[] check (cardinality(tenants) between 1 and 1000 and array_position(tenants, null) is null),
  disabled boolean not null default false,
  session_epoch bigint not null default 0,
  etag uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- A hash made anew at login, with today's parameters, is no change of the user.
create trigger users_touch before update of login_id, role, tenants, disabled, session_epoch on users
  for each row execute function touch_row();

-- One sign-in, and everything refreshed from it. `network` is the address, or the /64 of one of IPv6.
create table sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users (id) on delete cascade,
  epoch bigint not null,
  -- Derives each refresh token from the one before; of no use without that token, which is kept as a digest only.
  rotation_key bytea not null,
  network text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_because text check (revoked_because in ('LOGOUT', 'REUSE')),
  constraint sessions_reason_when_revoked check ((revoked_at is null) = (revoked_because is null))
);
create index sessions_user_network on sessions (user_id, network);
create index sessions_created_at on sessions (created_at);

-- Every refresh token a session ever had, so that an old one is known when it comes back.
create table refresh_tokens (
  sha256 bytea primary key check (octet_length(sha256) = 32),
  session_id uuid not null references sessions (id) on delete cascade,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index refresh_tokens_session on refresh_tokens (session_id);

-- Wrong passwords: of an account (a login name, whether it exists or not), of an account from a familiar network, of a
-- network, and of all together. `key` is a digest: what is typed as a login name may be a password.
create table login_attempts (
  kind text not null check (kind in ('ACCOUNT', 'FAMILIAR', 'NETWORK', 'EVERYONE')),
  key text collate "C" not null,
  failures integer not null check (failures >= 0),
  last_at timestamptz not null,
  primary key (kind, key)
);
create index login_attempts_last_at on login_attempts (last_at);

-- Where no keys are configured (never in prod) instances share these: what signs access tokens.
create table token_keys (
  kid text primary key,
  private_key text not null,
  created_at timestamptz not null default now()
);
