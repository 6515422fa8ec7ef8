-- UsageSnapshot: what processes write down of usage and quotas, who they are, and days that are closed for good.
-- Every sum only grows while its owner lives, so the greater wins: writing again, late or twice changes nothing.

-- The Fallback takes back what turned out to be counted by the store: usage is total - retracted, and both only grow.
alter table usage_rows
  add column retracted bigint not null default 0,
  add constraint usage_rows_retracted_check check (retracted between 0 and total);

-- What each process acknowledged in each counter that carries a quota: what a restore of lost counters is made of.
-- `day_label` is the first day of the period, so that a period of a tenant lies in one month's partition.
-- `api` is `METHOD pattern`. `api` and `user_id` are '' where they are not in the scope, as for calls without a user.
create table quota_rows (
  tenant_id text collate "C" not null,
  day_label integer not null check (day_label between 19700101 and 99991231),
  quota_window text collate "C" not null check (quota_window in ('quotaDay', 'month')),
  scope text collate "C" not null check (scope in ('TENANT', 'TENANT_API', 'TENANT_USER', 'TENANT_USER_API')),
  api text collate "C" not null,
  user_id text collate "C" not null,
  -- 20261122 or 202611, as the counters name the period.
  period_label integer generated always as (case quota_window when 'month' then day_label / 100 else day_label end) stored,
  -- Stands for scope, API and user in the key, because they do not fit into an index entry.
  counter_key uuid generated always as (md5(scope || E'\n' || api || E'\n' || user_id)::uuid) stored,
  source text collate "C" not null check (source in ('STORE', 'FALLBACK')),
  incarnation text collate "C" not null,
  -- The life of the tenant's counters in the store that it was counted in; 0 for the Fallback.
  generation bigint not null check (generation >= 0),
  total bigint not null check (total >= 0),
  retracted bigint not null default 0 check (retracted between 0 and total),
  primary key (tenant_id, day_label, quota_window, counter_key, source, incarnation, generation)
) partition by range (day_label);

-- Who writes totals: one start of one process, and a number that grows when it dropped rows. One that fell silent and has
-- not ended may have left totals in the store, which any instance harvests.
create table usage_writers (
  incarnation text collate "C" primary key,
  -- When it last had written down everything it had acknowledged until then.
  flushed_at timestamptz not null default now(),
  -- CLOSED: wrote everything itself. HARVESTED: another instance did, from the store. Who writes again has not ended.
  ended text check (ended in ('CLOSED', 'HARVESTED')),
  -- An instance is at it until then. Two at once would only do the same work twice.
  harvest_until timestamptz
);

-- When the store was last searched for usage of writers that never got to register themselves: one instance at a time.
create table usage_searches (
  only_row boolean primary key default true check (only_row),
  searched_at timestamptz not null default now()
);
insert into usage_searches default values;

-- How far days are folded: for each of them tenant_days has the sums, and nothing is added to usage_rows any more.
-- Whoever writes rows of a day that may be folded holds this row FOR SHARE, so no row slips in beside the sums.
create table usage_folds (
  only_row boolean primary key default true check (only_row),
  folded_through integer
);
insert into usage_folds default values;

-- Each folded day of each tenant: what usage_rows and denied_rows of that day add up to.
create table tenant_days (
  tenant_id text collate "C" not null,
  day_label integer not null check (day_label between 19700101 and 99991231),
  used bigint not null,
  denied bigint not null,
  primary key (tenant_id, day_label)
) partition by range (day_label);
create index tenant_days_day on tenant_days using brin (day_label) with (pages_per_range = 16, autosummarize = on);

-- Totals of days that had been folded when they arrived: absolute like those of usage_rows, in no report, to be looked at.
create table usage_late (
  tenant_id text collate "C" not null,
  day_label integer not null check (day_label between 19700101 and 99991231),
  user_id text collate "C" not null,
  api text collate "C" not null,
  api_key uuid generated always as (md5(api)::uuid) stored,
  incarnation text collate "C" not null,
  source text collate "C" not null check (source in ('STORE', 'FALLBACK')),
  total bigint not null check (total >= 0),
  retracted bigint not null default 0 check (retracted between 0 and total),
  arrived_at timestamptz not null default now(),
  primary key (tenant_id, day_label, user_id, api_key, source, incarnation)
) partition by range (day_label);

-- The first day that was not closed at that moment: a day is over once it is in every zone, and closed a day later.
create function first_open_day(moment timestamptz default now()) returns integer
language sql stable set search_path = pg_catalog, pg_temp as $$
  select to_char((moment at time zone interval '-12:00')::date - 1, 'YYYYMMDD')::integer
$$;
