-- What operators corrected by hand in counters of quotas, as signed amounts that were really applied. A restore of a
-- counter sums them up like any other row of its period, so that no restore undoes them.
create table quota_adjustments (
  -- The id under which the counters know the correction: sent again, it is the same one.
  id text not null,
  tenant_id text not null,
  scope text not null check (scope in ('TENANT', 'TENANT_API', 'TENANT_USER', 'TENANT_USER_API')),
  -- `METHOD pattern`; empty where the API is not in the scope.
  api text not null,
  -- Empty where the user is not in the scope, and for calls without one.
  user_id text not null,
  quota_window text not null check (quota_window in ('quotaDay', 'month')),
  -- 20261122 or 202611, in the tenant's zone.
  period_label integer not null,
  amount bigint not null check (amount <> 0),
  reason text not null check (char_length(reason) between 1 and 1000),
  created_at timestamptz not null default now(),
  primary key (tenant_id, period_label, id, quota_window)
);
