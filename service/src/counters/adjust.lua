-- Corrects counters of one tenant, all or nothing, once per id (adjust.ts). Everything is read before anything is written.
-- Generations are left alone: a charge goes to base and a cut comes off since, then base, so whatever generation adopts the
-- state next finds the right sum (state.lua). A cut writes no key that is not there.
--
-- KEYS  1 the tenant's own key | 2 what an adjustment of this id answered | 3.. further counters
-- ARGV  1..12 the instant and its days (corrections.lua) | 13 digest of what is asked, of one length always
--       14 how long the answer is kept, ms | 15.. per change: index of its counter, then for second, minute, day, quotaDay,
--         month: '' = as it is, 'reset' = nothing used, for quotas also a signed amount to add
-- Reply { 0, bytes } done now | { 1, bytes } done before under this id, answered as then
--         bytes: I1 format | I7 now ms | I4 day label, then per change its counter before and after, heads and previous periods
--       { -1, now ms }   the clock lies outside the days handed in: nothing was changed
--       { -3, byte }     a state has this unknown format: nothing was changed
--       { -4, now ms }   too late: nothing was changed
--       { -5, 0 }        the id stands for other changes: nothing was changed

local call = redis.call
local read_state, pack_state, show_state = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local CHANGES_AT, ARGUMENTS_PER_CHANGE = OWN_ARGUMENTS_AT + 2, 6

local known, digest = call('GET', KEYS[2]), ARGV[OWN_ARGUMENTS_AT]
if known then
  if string.sub(known, 1, #digest) ~= digest then return { -5, 0 } end
  return { 1, string.sub(known, #digest + 1) }
end

local now = instant()
if now > ARGV[2] + 0 then return { -4, now } end
local label, day_end, month_end = day_holding(now)
if not label then return { -1, now } end
local labels = { label, math.floor(label / 100) }

local states, missing, changed = {}, {}, {}
for at = CHANGES_AT, #ARGV, ARGUMENTS_PER_CHANGE do
  local index = ARGV[at] + 0
  if not states[index] then
    local raw = call('GET', KEYS[index])
    local s, unknown = read_state(raw, index == 1)
    if not s then return { -3, unknown } end
    states[index], missing[index] = s, not raw
  end
end

local function reset_window(index, w)
  local s, i = states[index], 3 * w
  if s[i] > 0 then
    s[i], s[i + 1], s[i + 2], changed[index] = 0, 0, 0, true
  end
end

-- adjust-counter.ts, adjustQuota
local function adjust_quota(index, q, amount)
  local s, i = states[index], 9 + 3 * q
  if labels[q] > s[i] then
    if amount < 0 then return end
    s[i + 6], s[i + 7], s[i + 8] = s[i], s[i + 1], s[i + 2]
    s[i], s[i + 1], s[i + 2] = labels[q], 0, 0
  elseif labels[q] == s[i + 6] then
    i = i + 6
  end
  if amount < 0 then
    local off_since = math.min(-amount, s[i + 2])
    s[i + 1], s[i + 2] = math.max(0, s[i + 1] + amount + off_since), s[i + 2] - off_since
  else
    s[i + 1] = math.min(s[i + 1] + amount, MAX_QUOTA_SUM - s[i + 2])
  end
  changed[index] = true
end

local reply = { struct.pack('<I1I7I4', 1, now, label) }
for at = CHANGES_AT, #ARGV, ARGUMENTS_PER_CHANGE do
  local index = ARGV[at] + 0
  reply[#reply + 1] = show_state(states[index])
  for w = 1, 3 do
    if ARGV[at + w] == 'reset' then reset_window(index, w) end
  end
  for q = 1, 2 do
    local amount = ARGV[at + 3 + q]
    if amount ~= '' then adjust_quota(index, q, amount == 'reset' and -MAX_QUOTA_SUM or amount + 0) end
  end
  reply[#reply + 1] = show_state(states[index])
end

for index in pairs(changed) do
  local s = states[index]
  keep_state(index, s, pack_state(s, index == 1), missing[index], now, label, day_end, month_end)
end
local bytes = table.concat(reply)
call('PSETEX', KEYS[2], ARGV[OWN_ARGUMENTS_AT + 1], digest .. bytes)
return { 0, bytes }
