-- What the scripts share that correct counters from outside, beside the checks: the instant, the day that holds it, and
-- how a state is kept that they changed. It is put in front of them when they load.
--
-- ARGV  1 the clock in UTC ms, or '' for the store's own | 2 UTC ms after which it is too late to do anything
--       3 start of the day before, seconds | 4.. of the day before, this day and the day after: label, end, and end of its
--         month, seconds
-- instant-arguments.ts writes them.

local MAX_QUOTA_SUM, OWN_ARGUMENTS_AT = 9e15, 13

local function instant()
  if ARGV[1] ~= '' then return ARGV[1] + 0 end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Label of the day that holds the instant, its end and the end of its month in seconds; nil when it is none of the three.
local function day_holding(now)
  local second = math.floor(now / 1000)
  if second < ARGV[3] + 0 then return nil end
  for at = 4, 10, 3 do
    if second < ARGV[at + 1] + 0 then return ARGV[at] + 0, ARGV[at + 1] + 0, ARGV[at + 2] + 0 end
  end
end

-- Writes a state. A correction may open a period in one that would have ended before it: it is kept as long as take.lua
-- keeps one, and a longer life is left as it is.
local function keep_state(index, s, packed, missing, now, label, day_end, month_end)
  local TWO_DAYS_MS, MONTH_MS = 2 * 86400000, 31 * 86400000
  local second, life_ms = math.floor(now / 1000), TWO_DAYS_MS
  if index == 1 or s[15] > 0 then
    life_ms = (month_end - second) * 1000 + TWO_DAYS_MS
    if s[15] > math.floor(label / 100) then life_ms = life_ms + MONTH_MS end
  elseif s[12] > 0 then
    life_ms = (day_end - second) * 1000 + TWO_DAYS_MS
  end
  if missing then
    redis.call('PSETEX', KEYS[index], life_ms, packed)
  else
    redis.call('SET', KEYS[index], packed, 'KEEPTTL')
    redis.call('PEXPIRE', KEYS[index], life_ms, 'GT')
  end
end
