-- Usage and refusals: they grow without end, so they are partitioned by month from the first day and lose whole months.
-- The month is that of `day_label`, a date in the tenant's own zone (20261122): whatever belongs to one month of a tenant
-- lies in one partition. Partitions are opened and dropped by usage/partitions.job.ts, never here.
-- Text is compared by bytes (collate "C"): ids are not prose, and no update of the system's locales can break an index.

-- Grow-only totals: for one key the greater total wins, so writing again, late or twice changes nothing. Usage of a day is
-- the sum over incarnations and sources. '' is the anonymous user. `api_key` stands for `api` in the key, because a
-- pattern of 2048 bytes does not fit into an index entry.
create table usage_rows (
  tenant_id text collate "C" not null,
  day_label integer not null check (day_label between 19700101 and 99991231),
  user_id text collate "C" not null,
  api text collate "C" not null,
  api_key uuid generated always as (md5(api)::uuid) stored,
  incarnation text collate "C" not null,
  source text collate "C" not null check (source in ('STORE', 'FALLBACK')),
  total bigint not null check (total >= 0),
  primary key (tenant_id, day_label, user_id, api_key, source, incarnation)
) partition by range (day_label);

-- Rows of a day lie together, for they are written on that day: so little an index finds a day of all tenants.
create index usage_rows_day on usage_rows using brin (day_label) with (pages_per_range = 16, autosummarize = on);

-- How many checks were refused, for the reports: limit_hits folded by the day, and kept as long as usage is.
create table denied_rows (
  tenant_id text collate "C" not null,
  day_label integer not null check (day_label between 19700101 and 99991231),
  user_id text collate "C" not null,
  api text collate "C" not null,
  api_key uuid generated always as (md5(api)::uuid) stored,
  denied bigint not null check (denied > 0),
  primary key (tenant_id, day_label, user_id, api_key)
) partition by range (day_label);
create index denied_rows_day on denied_rows using brin (day_label) with (pages_per_range = 16, autosummarize = on);

-- What was refused, folded: one row for each minute and everything else that tells refusals apart (`line_key`).
-- Where no limit refused (a suspended tenant, the Fallback), `limit_window`, `policy_id` and `scope` are ''.
create table limit_hits (
  tenant_id text collate "C" not null,
  minute_at timestamptz not null,
  day_label integer not null check (day_label between 19700101 and 99991231),
  user_id text collate "C" not null,
  api text collate "C" not null,
  reason text collate "C" not null,
  limit_window text collate "C" not null,
  policy_id text collate "C" not null,
  scope text collate "C" not null,
  line_key uuid generated always as (
    md5(
      day_label::text || E'\n' || reason || E'\n' || limit_window || E'\n' || policy_id || E'\n' || scope
        || E'\n' || api || E'\n' || user_id
    )::uuid
  ) stored,
  hits bigint not null check (hits > 0),
  cost bigint not null check (cost >= 0),
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (tenant_id, minute_at, line_key, day_label)
) partition by range (day_label);
create index limit_hits_minute on limit_hits (minute_at, tenant_id, line_key);

-- The last chunk of limit hits that each process wrote, so that a chunk whose COMMIT was not heard of is not added twice.
create table limit_hit_writers (
  writer text primary key,
  sequence bigint not null,
  written_at timestamptz not null default now()
);

-- Opens the partition of a month (202611); false when it is there. The table is made apart and then attached, because
-- that lets readers and writers of the other months go on. Rows are updated in place many times: hence the room in pages,
-- and vacuuming by a share that still means something when a month holds millions of rows.
-- Whoever may insert may open months: the service's role does not own the tables.
create function open_month(parent regclass, month integer) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  place text;
  whole text;
  part text;
begin
  if not has_table_privilege(session_user, parent, 'INSERT') then
    raise insufficient_privilege using message = format('%s may not insert into %s.', session_user, parent);
  end if;
  if month not between 197001 and 999912 or month % 100 not between 1 and 12 then
    raise exception '% is no month.', month using hint = 'Write it as 202611.';
  end if;
  select nspname, relname, relname || '_' || month into strict place, whole, part
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = parent and relkind = 'p';
  -- One at a time: of two instances the second finds it made. Asked as a query, which sees what was just committed.
  perform pg_advisory_xact_lock(parent::oid::integer, month);
  if exists (
    select from pg_class join pg_namespace on pg_namespace.oid = relnamespace where nspname = place and relname = part
  ) then
    return false;
  end if;
  execute format(
    'create table %I.%I (like %I.%I including defaults including generated including constraints) with (fillfactor = 80, '
      'autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)',
    place, part, place, whole
  );
  execute format(
    'alter table %I.%I attach partition %I.%I for values from (%s) to (%s)',
    place, whole, place, part, month * 100, (month + 1) * 100
  );
  return true;
end
$$;

-- Drops the oldest partition of a month before `month` and names it; null when there is none. One at a time: each takes
-- the table for itself, for a moment. Whoever may delete every row may drop months.
create function drop_month(parent regclass, month integer) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  place text;
  part text;
begin
  if not has_table_privilege(session_user, parent, 'DELETE') then
    raise insufficient_privilege using message = format('%s may not delete from %s.', session_user, parent);
  end if;
  if month > to_char(now(), 'YYYYMM')::integer then
    raise exception 'The present month would be dropped with all before %.', month;
  end if;
  select nspname, relname into place, part
    from pg_inherits join pg_class on pg_class.oid = inhrelid join pg_namespace on pg_namespace.oid = relnamespace
    where inhparent = parent and relname ~ '_\d{6}$' and right(relname, 6)::integer < month
    order by right(relname, 6)
    limit 1;
  if part is not null then
    execute format('drop table if exists %I.%I', place, part);
  end if;
  return part;
end
$$;
