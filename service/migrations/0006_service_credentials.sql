-- What callers of the check API prove themselves by, beside the credentials of the configuration.

-- Only digests are kept, of secrets of 256 random bits. `tenants` null = every tenant. Until `previous_until` the secret
-- before the last rotation is accepted too. A revoked row stays, for whoever reads the audit trail, without a digest: it
-- cannot be brought back. Its name is free again.
create table service_credentials (
  id uuid primary key default gen_random_uuid(),
  name text collate "C" not null check (char_length(name) between 1 and 200),
  tenants text[] check (cardinality(tenants) between 1 and 1000 and array_position(tenants, null) is null),
  sha256 bytea unique check (octet_length(sha256) = 32),
  -- Of the secret, for recognising it.
  last_four text not null check (char_length(last_four) = 4),
  previous_sha256 bytea check (octet_length(previous_sha256) = 32),
  previous_last_four text check (char_length(previous_last_four) = 4),
  previous_until timestamptz,
  expires_at timestamptz,
  rotated_at timestamptz,
  revoked_at timestamptz,
  etag uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint service_credentials_previous_whole check (
    (previous_sha256 is null) = (previous_until is null) and (previous_last_four is null) = (previous_until is null)
  ),
  constraint service_credentials_digest_until_revoked check (
    (sha256 is null) = (revoked_at is not null) and (revoked_at is null or previous_sha256 is null)
  )
);
create unique index service_credentials_name on service_credentials (name) where revoked_at is null;
create index service_credentials_list on service_credentials (name, id);
create trigger service_credentials_touch before update on service_credentials
  for each row execute function touch_row();

-- A change of them is published like one of a policy. The release before reads the kinds it knows by name: it takes over
-- the version, finds nothing changed, and goes on refusing managed credentials, which it has never heard of.
alter table policy_changes
  drop constraint policy_changes_kind_check,
  add constraint policy_changes_kind_check check (kind in ('PLAN', 'TENANT', 'POLICY', 'CREDENTIAL'));
