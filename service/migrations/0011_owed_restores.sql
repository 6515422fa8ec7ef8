-- That a tenant is owed a restore outlives whoever owes it: the rows that make it so say so in the same statement.

-- Names the debt, so that nobody marks a later one as paid; null: none. `generation` 0 now also stands for rows of several
-- generations, and for what the Fallback admitted, which is of none.
alter table quota_generations add column owed uuid default gen_random_uuid();
update quota_generations set owed = null where generation <> 0;
-- Most writers find nothing to change and lock the row alone; room for those that do.
alter table quota_generations set (fillfactor = 70);
