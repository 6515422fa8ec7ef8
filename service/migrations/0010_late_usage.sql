-- What comes late: usage of a process that was taken for dead and took on, and rows of a generation that others have left.

-- When the store was last looked through for usage of a writer that is HARVESTED. Null where a former release harvested it.
alter table usage_writers add column harvested_at timestamptz;

-- Under which generation rows of a tenant were last written down. Whoever writes under another one owes the tenant a
-- restore: either it is the first of a new generation, or those of the new one may have restored without its rows.
-- 0: whoever owed the tenant a restore ended before it was made.
create table quota_generations (
  tenant_id text collate "C" primary key,
  generation bigint not null check (generation >= 0)
);
