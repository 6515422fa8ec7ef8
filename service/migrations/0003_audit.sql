-- The audit trail: rows in one hash chain (docs/audit.md), the head of that chain, and the signed checkpoints written of it.
-- Rows are added only by append_audit(), with the rights of the owner of these tables: the service's own role may read
-- them and call it, nothing more (grant_service_rights). So no service can take back, reorder or fork what it has said.

create table audit_head (
  only_row boolean primary key default true check (only_row),
  -- Tells this chain from that of another database. Its hash is what the first row continues.
  chain uuid not null,
  seq bigint not null,
  hash bytea not null check (octet_length(hash) = 32),
  at timestamptz not null
);
insert into audit_head (chain, seq, hash, at)
  select chain, 0, sha256(convert_to('sluice audit chain ' || chain, 'UTF8')), 'epoch'
  from (select gen_random_uuid() as chain) as fresh;

-- By month of `at`, which never decreases along the chain: so a month is a run of positions, and old months can leave
-- as a whole. Months are opened by the row that needs them.
create table audit_logs (
  seq bigint not null check (seq > 0),
  at timestamptz not null,
  format smallint not null,
  actor_kind text not null check (actor_kind in ('USER', 'SYSTEM', 'ANONYMOUS')),
  actor_id text,
  actor_login text,
  actor_role text,
  action text not null check (action ~ '^[a-z][a-z_]*([.][a-z][a-z_]*)+$'),
  resource_kind text not null,
  resource_id text,
  tenant text,
  address text,
  user_agent text,
  request_id text,
  outcome text not null check (outcome in ('DONE', 'REFUSED')),
  before jsonb,
  after jsonb,
  previous_hash bytea not null check (octet_length(previous_hash) = 32),
  hash bytea not null check (octet_length(hash) = 32),
  primary key (seq, at)
) partition by range (at);
create index audit_logs_tenant on audit_logs (tenant, seq) where tenant is not null;
create index audit_logs_actor on audit_logs (actor_id, seq) where actor_id is not null;
create index audit_logs_action on audit_logs (action, seq);
create index audit_logs_resource on audit_logs (resource_kind, resource_id, seq);

create table audit_checkpoints (
  id bigint generated always as identity primary key,
  checkpoint jsonb not null
);

-- The second wall, in front of the owner too. On each table itself: a statement names a partition or its parent.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'Audit rows are never changed or removed: % on % is refused.', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_logs_append_only before update or delete or truncate on audit_logs
  for each statement execute function refuse_audit_change();
create trigger audit_checkpoints_append_only before update or delete or truncate on audit_checkpoints
  for each statement execute function refuse_audit_change();
create trigger audit_head_stays before delete or truncate on audit_head
  for each statement execute function refuse_audit_change();
create trigger audit_head_advances before update on audit_head
  for each row when (new.seq <> old.seq + 1 or new.chain <> old.chain) execute function refuse_audit_change();

-- Called under the lock on the head, so never twice at once. Attached, not created in place: that waits for no reader.
create function open_audit_month(moment timestamptz) returns void language plpgsql as $$
declare
  first_day constant date := date_trunc('month', moment at time zone 'UTC');
  next_day constant date := first_day + interval '1 month';
  month constant text := 'audit_logs_' || to_char(first_day, 'YYYY_MM');
begin
  if to_regclass(month) is not null then
    return;
  end if;
  execute format('create table %I (like audit_logs including constraints including indexes)', month);
  execute format(
    'create trigger %I before update or delete or truncate on %I for each statement execute function refuse_audit_change()',
    month || '_append_only', month
  );
  execute format(
    'alter table audit_logs attach partition %I for values from (%L) to (%L)',
    month, to_char(first_day, 'YYYY-MM-DD 00:00:00+00'), to_char(next_day, 'YYYY-MM-DD 00:00:00+00')
  );
end
$$;

-- What the next row continues and when it happens; nobody else can append until this transaction ends.
create function lock_audit_head(out next_seq bigint, out previous_hash bytea, out at_ms bigint)
language plpgsql security definer as $$
declare
  head audit_head;
begin
  select * into strict head from audit_head for update;
  next_seq := head.seq + 1;
  previous_hash := head.hash;
  at_ms := floor(extract(epoch from greatest(head.at, clock_timestamp())) * 1000);
end
$$;

-- Appends one row. `canonical` is the whole of it as canonical JSON, made after lock_audit_head() in the same transaction:
-- the hash is taken of exactly this text, and the columns are what it says.
create function append_audit(canonical text) returns bytea
language plpgsql security definer as $$
declare
  head audit_head;
  entry constant jsonb := canonical::jsonb;
  moment constant timestamptz := entry ->> 'at';
  new_hash constant bytea := sha256(convert_to(canonical, 'UTF8'));
begin
  select * into strict head from audit_head for update;
  if (entry ->> 'seq')::bigint is distinct from head.seq + 1
    or decode(entry ->> 'previousHash', 'hex') is distinct from head.hash
    or moment is null or moment < head.at or moment > greatest(head.at, clock_timestamp())
  then
    raise exception 'The audit row does not continue the chain at position %.', head.seq + 1
      using hint = 'Call lock_audit_head() first, in the same transaction.';
  end if;
  perform open_audit_month(moment);
  insert into audit_logs values (
    head.seq + 1,
    moment,
    (entry ->> 'format')::smallint,
    entry #>> '{actor,kind}',
    entry #>> '{actor,id}',
    entry #>> '{actor,login}',
    entry #>> '{actor,role}',
    entry ->> 'action',
    entry #>> '{resource,kind}',
    entry #>> '{resource,id}',
    entry ->> 'tenant',
    entry ->> 'address',
    entry ->> 'userAgent',
    entry ->> 'requestId',
    entry ->> 'outcome',
    nullif(entry -> 'before', 'null'),
    nullif(entry -> 'after', 'null'),
    head.hash,
    new_hash
  );
  update audit_head set seq = head.seq + 1, hash = new_hash, at = moment;
  return new_hash;
end
$$;

-- Gives the service's role what it needs and no more, on every table there is: `sluice migrate` calls it each time.
-- Tables of the audit trail are read; rows are added by the functions above, checkpoints directly.
create function grant_service_rights(service_role text) returns void language plpgsql as $$
declare
  place constant text := current_schema();
  owner constant oid := (select relowner from pg_class where oid = 'audit_logs'::regclass);
  each record;
begin
  if not exists (select from pg_roles where rolname = service_role) then
    raise exception 'There is no role %.', service_role using hint = 'Create it first: it needs LOGIN and nothing else.';
  end if;
  if pg_has_role(service_role, owner, 'MEMBER') then
    raise exception 'The role % is, or may become, the owner of the tables: nothing could be withheld from it.', service_role
      using hint = 'Run the service and its migrations as different roles.';
  end if;
  execute format('grant usage on schema %I to %I', place, service_role);
  execute format('grant usage on all sequences in schema %I to %I', place, service_role);
  for each in
    select relname from pg_class
    where relnamespace = place::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname not in ('schema_migrations', 'audit_logs', 'audit_head', 'audit_checkpoints')
  loop
    execute format('grant select, insert, update, delete on %I to %I', each.relname, service_role);
  end loop;
  execute format('revoke all on audit_logs, audit_head, audit_checkpoints, schema_migrations from %I', service_role);
  execute format('grant select on audit_logs, audit_head, audit_checkpoints, schema_migrations to %I', service_role);
  execute format('grant insert on audit_checkpoints to %I', service_role);
  execute format('grant execute on function lock_audit_head(), append_audit(text) to %I', service_role);
end
$$;

revoke execute on function lock_audit_head(), append_audit(text), open_audit_month(timestamptz), grant_service_rights(text)
  from public;

-- A function with the owner's rights must find the owner's tables, whatever schemas and temporary tables its caller has.
do $$
begin
  execute format('alter function lock_audit_head() set search_path = %I, pg_temp', current_schema());
  execute format('alter function append_audit(text) set search_path = %I, pg_temp', current_schema());
end
$$;
