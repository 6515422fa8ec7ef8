-- Plans, tenants and API policies, and the one version that says which state of them a process has loaded.
-- Every row carries an etag that each change replaces, whoever makes it: it tells a lost race (If-Match) and an edit by hand.

create function touch_row() returns trigger language plpgsql as $$
begin
  new.etag := gen_random_uuid();
  new.updated_at := now();
  return new;
end
$$;

create table plans (
  name text primary key check (name ~ '^[A-Za-z0-9._-]{1,64}$'),
  per_second bigint check (per_second between -1 and 10000000000),
  per_minute bigint check (per_minute between -1 and 10000000000),
  per_day bigint check (per_day between -1 and 10000000000),
  quota_per_day bigint check (quota_per_day between -1 and 1000000000000000),
  quota_per_month bigint check (quota_per_month between -1 and 1000000000000000),
  etag uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create trigger plans_touch before update on plans for each row execute function touch_row();

-- A deleted tenant keeps its row, so that its id stays reserved until its month has closed.
create table tenants (
  id text primary key check (id ~ '^[A-Za-z0-9._-]{1,64}$'),
  name text not null check (char_length(name) between 1 and 200),
  plan text references plans (name),
  status text not null default 'ACTIVE' check (status in ('ACTIVE', 'SUSPENDED')),
  time_zone text not null check (char_length(time_zone) between 1 and 64),
  next_plan text references plans (name),
  next_plan_at timestamptz,
  deleted_at timestamptz,
  reserved_until timestamptz,
  etag uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tenants_plan_while_alive check ((plan is null) = (deleted_at is not null)),
  constraint tenants_next_plan_has_instant check ((next_plan is null) = (next_plan_at is null)),
  constraint tenants_reserved_when_deleted check ((reserved_until is null) = (deleted_at is null))
);
create index tenants_plan on tenants (plan);
create index tenants_next_plan on tenants (next_plan) where next_plan is not null;
create trigger tenants_touch before update on tenants for each row execute function touch_row();

-- A temporary override is a policy with a validity and a reason. It may stand beside another of the same key.
create table api_policies (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (char_length(name) between 1 and 200),
  target_kind text not null check (target_kind in ('EVERYONE', 'PLAN', 'TENANT')),
  target_plan text references plans (name),
  target_tenant text references tenants (id),
  http_method text not null check (http_method ~ '^[!#$%&''*+.^_`|~0-9A-Z-]{1,32}$'),
  api_pattern text not null check (api_pattern like '/%' and octet_length(api_pattern) <= 2048),
  scope text not null check (scope in ('TENANT', 'TENANT_API', 'TENANT_USER', 'TENANT_USER_API')),
  per_second bigint check (per_second between -1 and 10000000000),
  per_minute bigint check (per_minute between -1 and 10000000000),
  per_day bigint check (per_day between -1 and 10000000000),
  quota_per_day bigint check (quota_per_day between -1 and 1000000000000000),
  quota_per_month bigint check (quota_per_month between -1 and 1000000000000000),
  enforcement text not null default 'ENFORCE' check (enforcement in ('ENFORCE', 'SHADOW')),
  enabled boolean not null default true,
  fallback text check (fallback in ('ALLOW_ALL', 'BLOCK_ALL', 'STATIC_LIMIT')),
  valid_from timestamptz,
  valid_until timestamptz,
  reason text check (char_length(reason) between 1 and 1000),
  etag uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint api_policies_one_target check (
    (target_plan is not null) = (target_kind = 'PLAN') and (target_tenant is not null) = (target_kind = 'TENANT')
  ),
  constraint api_policies_validity check (
    (valid_from is null) = (valid_until is null) and (valid_from is null) = (reason is null) and valid_from < valid_until
  )
);
create unique index api_policies_key on api_policies (
  target_kind, coalesce(target_plan, target_tenant, ''), http_method, api_pattern, scope, enforcement
) where valid_from is null;
create index api_policies_target_plan on api_policies (target_plan) where target_plan is not null;
create index api_policies_target_tenant on api_policies (target_tenant) where target_tenant is not null;
create trigger api_policies_touch before update on api_policies for each row execute function touch_row();

-- `changes_since`: policy_changes names everything touched after that version, and nothing reliable before it.
create table policy_version (
  only_row boolean primary key default true check (only_row),
  version bigint not null,
  changes_since bigint not null,
  changed_at timestamptz not null default now()
);
insert into policy_version (version, changes_since) values (0, 0);

create table policy_changes (
  version bigint not null,
  kind text not null check (kind in ('PLAN', 'TENANT', 'POLICY')),
  key text not null,
  primary key (version, kind, key)
);

-- The LAST statement of every transaction that changes policies: the lock on the one version row is then held only
-- while committing, and version order is commit order. `kinds` and `keys` are parallel. The new version.
create function publish_policies(kinds text[], keys text[]) returns bigint language plpgsql as $$
declare
  -- A loader reads everything anew when more keys than this were touched at once, or when it is this far behind.
  most_keys constant integer := 1000;
  kept_versions constant bigint := 10000;
  published bigint;
begin
  update policy_version
    set version = version + 1,
      changes_since = case
        when cardinality(keys) > most_keys then version + 1
        else greatest(changes_since, version + 1 - kept_versions)
      end,
      changed_at = now()
    returning version into published;
  if cardinality(keys) <= most_keys then
    insert into policy_changes (version, kind, key)
      select published, touched.kind, touched.key from unnest(kinds, keys) as touched (kind, key)
      on conflict do nothing;
  end if;
  delete from policy_changes where policy_changes.version <= (select changes_since from policy_version);
  perform pg_notify('sluice_policies', published::text);
  return published;
end
$$;

-- What SLUICE_POLICY_FILE applied last: the file's hash, and the etag it left on each row, which an edit by hand changes.
create table policy_file (
  only_row boolean primary key default true check (only_row),
  sha256 text not null,
  applied_at timestamptz not null default now()
);
create table policy_file_rows (
  kind text not null check (kind in ('PLAN', 'TENANT', 'POLICY')),
  key text not null,
  etag uuid not null,
  primary key (kind, key)
);
