-- Takes the cost of one or several checks of one tenant: all-or-nothing per check, in array order (counters.ts).
-- Everything is read before anything is written, so no error can leave half a take behind. A refused or looking check
-- writes nothing, but for a bucket that a clock stepping back has left ahead: it is moved to the present, its sum kept.
--
-- There are two ways. The short one is for a single check whose counters were all taken from before, in the present
-- generation, day and month: nearly every check. It keeps numbers in locals and rewrites the heads of the states in place,
-- without their life. Where it finds anything else it has written nothing, and the long way starts anew (take-long-way.lua).
-- docs/performance.md has the figures; what they come down to: calls of Redis, made functions and arguments are dear.
--
-- KEYS  1 the tenant's own key | 2 the usage hash of the calling process and the day | 3.. further counters and request ids
-- ARGV  1 the clock in UTC ms, or '' for the store's own | 2 UTC ms after which this take is too late and does nothing
--       3 shard token of the node's owner | 4 the day: four I4 (ascii-numbers.ts): its start, label and end (seconds),
--         and the end of its month, whose label is the day's without its last two digits
--       5 most new users of one day | then per check:
--         cost | usage field of this day | usage acknowledged under it | indexes in KEYS, two bytes of seven bits each:
--         of the request id or 0, of the user's own key or 0, then per claim of its counter, no counter twice
--         | per claim its limits: I5 second, minute, day, I7 quotaDay, month (ascii-numbers.ts):
--           0 is not counted, another is counted and obeyed; a shadow limit is greater than any sum
-- Reply bytes: I1 format | I7 now ms | I4 day label | I1 length of a state | I1 buckets found ahead of the clock
--         then per check: I1 verdict, and per claim its state after the check, nothing of the tenant's own in it;
--         a head, or a head and previous periods where those may matter
--         verdict 0 refused, 1 admitted, 2 admitted before under the same request id
--       { -1, now ms }   the clock lies outside the day handed in, whose usage hash is KEYS[2]: nothing was taken
--       { -2, check }    that check's user is new and the day's new users are used up: nothing was taken
--       { -3, byte }     a state has this unknown format: nothing was taken
--       { -4, now ms }   the take came too late: its caller has answered without it
--
-- Life: a state written whole is kept until its month or day is over and two days longer: a sliding day weighs so long, and
-- a clock that steps back finds its period again. One that holds no period is kept for two days if a sliding day is in it,
-- otherwise for two minutes. Written in place, a state lives long enough as it is while it holds anything of the present
-- day or month; else its life is renewed with every bucket.

-- Returns nothing, and has written nothing, when the take is not one for the short way.
local function take_the_short_way(now, FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
  local call, from_bytes, to_bytes, byte, KEYS, ARGV = redis.call, struct.unpack, struct.pack, string.byte, KEYS, ARGV
  local MAX_SUM, MAX_QUOTA_SUM = 1e11, 9e15
  local TWO_MINUTES_MS, TWO_DAYS_MS, REPLAY_MS, USAGE_MS = '120000', 2 * 86400000, '60000', '259200000'

  -- This instant in the three sliding windows: its bucket, and how much of the bucket is left.
  local second_left, minute_left = 1000 - now % 1000, 60000 - now % 60000
  local second, minute = (now + second_left) / 1000 - 1, (now + minute_left) / 60000 - 1
  local day_left = 86400 - second % 86400
  local day = (second + day_left) / 86400 - 1

  local start_a, start_b, label_a, label_b, end_a, end_b = from_bytes('<I4I4I4I4I4I4', ARGV[4])
  if second < start_a + 2 * start_b or second >= end_a + 2 * end_b then return end
  local day_label = label_a + 2 * label_b
  local month_label = (day_label - day_label % 100) / 100

  local tenant = call('GET', KEYS[1])
  if not tenant or byte(tenant) ~= FORMAT then return end
  local generation = from_bytes('<I7', tenant, 2)
  local token, user_day = from_bytes('<I7I4', tenant, #tenant - OWN_BYTES + 1)
  if token < ARGV[3] + 0 or user_day ~= day_label then return end

  local cost, indexes = ARGV[6] + 0, ARGV[9]
  local request, request_high, user, user_high = byte(indexes, 1, 4)
  request, user = request + 128 * request_high, user + 128 * user_high
  if ARGV[8 + #indexes / 2] or request > 0 and call('EXISTS', KEYS[request]) == 1 then return end

  -- Heads after the take, by claim; a check rarely has more than four.
  local heads, claims, admitted, user_known, short_lived = { '', '', '', '' }, 0, true, user == 0, nil
  for at = 5, #indexes, 2 do
    local low, high = byte(indexes, at, at + 1)
    local index = low + 128 * high
    local packed = index == 1 and tenant or call('GET', KEYS[index])
    if not packed or byte(packed) ~= FORMAT then return end
    claims = claims + 1
    local second_a, second_b, minute_a, minute_b, day_a, day_b, quota_a, quota_b, month_a, month_b =
      from_bytes('<I5I5I5I5I5I5I7I7I7I7', ARGV[9 + claims])
    local second_limit, minute_limit, day_limit = second_a + 2 * second_b, minute_a + 2 * minute_b, day_a + 2 * day_b
    local quota_limit, month_limit = quota_a + 2 * quota_b, month_a + 2 * month_b
    local _, counted_in, second_at, second_sum, second_before, minute_at, minute_sum, minute_before, day_at, day_sum,
      day_before, quota_at, quota_base, quota_since, month_at, month_base, month_since = from_bytes(HEAD, packed)
    if
      counted_in ~= generation
      or second_at > second
      or minute_at > minute
      or day_at ~= day and day_limit > 0
      or quota_at ~= day_label and quota_limit > 0
      or month_at ~= month_label and month_limit > 0
    then
      return
    end

    local rolled = false
    if second_limit > 0 then
      if second_at ~= second then
        second_before = second_at == second - 1 and second_sum or 0
        second_at, second_sum, rolled = second, 0, true
      end
      if (second_limit - second_sum - cost) * 1000 < second_before * second_left then admitted = false end
      second_sum = second_sum + cost
      if second_sum > MAX_SUM then second_sum = MAX_SUM end
    end
    if minute_limit > 0 then
      if minute_at ~= minute then
        minute_before = minute_at == minute - 1 and minute_sum or 0
        minute_at, minute_sum, rolled = minute, 0, true
      end
      if (minute_limit - minute_sum - cost) * 60000 < minute_before * minute_left then admitted = false end
      minute_sum = minute_sum + cost
      if minute_sum > MAX_SUM then minute_sum = MAX_SUM end
    end
    if day_limit > 0 then
      if (day_limit - day_sum - cost) * 86400 < day_before * day_left then admitted = false end
      day_sum = day_sum + cost
      if day_sum > MAX_SUM then day_sum = MAX_SUM end
    end
    if quota_limit > 0 then
      if quota_base + quota_since + cost > quota_limit then admitted = false end
      quota_since = quota_since + cost
      if quota_base + quota_since > MAX_QUOTA_SUM then quota_since = MAX_QUOTA_SUM - quota_base end
    end
    if month_limit > 0 then
      if month_base + month_since + cost > month_limit then admitted = false end
      month_since = month_since + cost
      if month_base + month_since > MAX_QUOTA_SUM then month_since = MAX_QUOTA_SUM - month_base end
    end
    heads[claims] = admitted
      and to_bytes(HEAD, FORMAT, generation, second_at, second_sum, second_before, minute_at, minute_sum, minute_before,
        day_at, day_sum, day_before, quota_at, quota_base, quota_since, month_at, month_base, month_since)
    if rolled and day_at ~= day and quota_at ~= day_label and month_at ~= month_label and index > 1 then
      short_lived = short_lived or {}
      short_lived[claims] = true
    end
    if index == user then user_known = true end
  end
  if not user_known and call('EXISTS', KEYS[user]) == 0 then return end

  if admitted and cost > 0 then
    -- field = max(field, acknowledged) + cost: what a failover forgot is healed by the next take that knows better.
    local held, total = call('HINCRBY', KEYS[2], ARGV[7], ARGV[6]), ARGV[8] + cost
    if held < total then call('HINCRBY', KEYS[2], ARGV[7], string.format('%.0f', total - held)) end
    if held == cost then call('PEXPIRE', KEYS[2], USAGE_MS) end
  end
  for claim = 1, claims do
    local low, high = byte(indexes, 2 * claim + 3, 2 * claim + 4)
    local index = low + 128 * high
    if admitted and cost > 0 then
      call('SETRANGE', KEYS[index], '0', heads[claim])
      if short_lived and short_lived[claim] then
        local life_ms = index == user and (end_a + 2 * end_b - second) * 1000 + TWO_DAYS_MS or TWO_MINUTES_MS
        call('PEXPIRE', KEYS[index], life_ms, 'GT')
      end
    else
      heads[claim] = string.sub(call('GET', KEYS[index]), 1, HEAD_BYTES)
    end
  end
  if request > 0 and admitted and cost > 0 then call('PSETEX', KEYS[request], REPLAY_MS, '') end
  local reply = to_bytes('<I1I7I4I1I1I1', 1, now, day_label, HEAD_BYTES, 0, admitted and 1 or 0)
    .. heads[1] .. heads[2] .. heads[3] .. heads[4]
  return claims > 4 and reply .. table.concat(heads, '', 5) or reply
end

local now = ARGV[1]
if now == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = now + 0
end
if now > ARGV[2] + 0 then return { -4, now } end
return take_the_short_way(now, FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
  or take_the_long_way(now, open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES))
