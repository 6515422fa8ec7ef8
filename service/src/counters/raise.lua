-- Raises quotas of one tenant's counters to what they are known to have used (raise.ts), all or nothing, as often as it is
-- asked. Everything is read before anything is written. A counter of an older generation first takes over the present one.
--
-- KEYS  1 the tenant's own key | 2.. further counters
-- ARGV  1..12 the instant and its days (corrections.lua) | 13 the generation that the sums leave out
--       14.. per counter: its index, the quota (1 quotaDay, 2 month), the label of its period, what its base and what base
--         and since must be at least
-- Reply { 0, quotas raised }
--       { -1, now ms }       the clock lies outside the days handed in: nothing was changed
--       { -3, byte }         a state has this unknown format: nothing was changed
--       { -4, now ms }       too late: nothing was changed
--       { -6, generation }   the tenant's is this other one, 0 = it has none: nothing was changed

local call, max, min = redis.call, math.max, math.min
local read_state, pack_state, _, adopt_generation = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local ARGUMENTS_PER_COUNTER = 5

local now = instant()
if now > ARGV[2] + 0 then return { -4, now } end

local states, missing, changed = {}, {}, {}
local raw = call('GET', KEYS[1])
if not raw then return { -6, 0 } end
local tenant, unknown = read_state(raw, true)
if not tenant then return { -3, unknown } end
local generation = tenant[2]
-- None was given yet to one that only adjustments wrote.
if generation == 0 or generation ~= ARGV[OWN_ARGUMENTS_AT] + 0 then return { -6, generation } end
local label, day_end, month_end = day_holding(now)
if not label then return { -1, now } end

states[1] = tenant
for at = OWN_ARGUMENTS_AT + 1, #ARGV, ARGUMENTS_PER_COUNTER do
  local index = ARGV[at] + 0
  if not states[index] then
    raw = call('GET', KEYS[index])
    states[index], unknown = read_state(raw, false)
    if not states[index] then return { -3, unknown } end
    missing[index] = not raw
    if states[index][2] ~= generation then adopt_generation(states[index], generation) end
  end
end

-- raise-counter.ts, raiseQuota. The current period begins at i, the previous one six numbers later.
local function raise_quota(s, i, of, base_at_least, used_at_least)
  local base, since = 0, 0
  if of == s[i] or of == s[i + 6] then
    if of ~= s[i] then i = i + 6 end
    base, since = s[i + 1], s[i + 2]
  elseif of < s[i + 6] then
    return false
  end
  local raised = min(max(base, base_at_least, used_at_least - since), MAX_QUOTA_SUM - since)
  if raised <= base then return false end
  if of > s[i] then
    s[i + 6], s[i + 7], s[i + 8] = s[i], s[i + 1], s[i + 2]
  elseif of < s[i] then
    i = i + 6
  end
  s[i], s[i + 1], s[i + 2] = of, raised, since
  return true
end

local count = 0
for at = OWN_ARGUMENTS_AT + 1, #ARGV, ARGUMENTS_PER_COUNTER do
  local index = ARGV[at] + 0
  local of, base, used = ARGV[at + 2] + 0, ARGV[at + 3] + 0, ARGV[at + 4] + 0
  if raise_quota(states[index], 9 + 3 * ARGV[at + 1], of, base, used) then
    changed[index], count = true, count + 1
  end
end
for index in pairs(changed) do
  local s = states[index]
  keep_state(index, s, pack_state(s, index == 1), missing[index], now, label, day_end, month_end)
end
return { 0, count }
