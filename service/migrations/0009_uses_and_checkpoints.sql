-- What the control plane keeps of its own running: when a credential was last used, and checkpoints as long as they help.

-- To about a minute, and apart from the credential: a use is no change of it, and must not turn its ETag.
create table service_credential_uses (
  credential_id uuid primary key references service_credentials (id) on delete cascade,
  last_used_at timestamptz not null
);

-- Checkpoints in this table warn and prove nothing: what proves are those that left (docs/audit.md). All are kept for 35
-- days, and from then on the last of each day of UTC. Each new one removes a few that are older, so the table is bounded
-- without a schedule, and nobody needs the right to delete. By the time of this database: the one signed may be forged.
alter table audit_checkpoints add column written_at timestamptz not null default now();
create index audit_checkpoints_written_at on audit_checkpoints (written_at);

create function prune_audit_checkpoints() returns trigger language plpgsql security definer as $$
begin
  delete from audit_checkpoints where id in (
    select id from audit_checkpoints as early
    where written_at < now() - interval '35 days'
      and exists (
        select from audit_checkpoints as later
        where later.written_at > early.written_at
          and later.written_at < date_trunc('day', early.written_at, 'UTC') + interval '1 day'
      )
    order by written_at
    limit 100
  );
  return null;
end
$$;
create trigger audit_checkpoints_prune after insert on audit_checkpoints
  for each statement execute function prune_audit_checkpoints();

-- Whoever else deletes is refused as before: only the trigger above acts at a depth.
drop trigger audit_checkpoints_append_only on audit_checkpoints;
create trigger audit_checkpoints_append_only before update or delete or truncate on audit_checkpoints
  for each statement when (pg_trigger_depth() = 0) execute function refuse_audit_change();

-- As in 0003: with the owner's rights, among the owner's tables.
do $$
begin
  execute format('alter function prune_audit_checkpoints() set search_path = %I, pg_temp', current_schema());
end
$$;
