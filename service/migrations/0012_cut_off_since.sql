-- What a correction by hand took off the quota that the store had counted in one generation, and which that was. The row
-- stands apart with the rows of that generation: what came off there was never in `base`, so a restore under the same one
-- must not take it off there once more.

-- A former release writes neither: 0 leaves such rows what they have been, corrections of other generations altogether.
alter table quota_adjustments
  add column generation bigint not null default 0 check (generation >= 0),
  add column off_since bigint not null default 0,
  add constraint quota_adjustments_off_since_check check (off_since between 0 and greatest(0, -amount));
