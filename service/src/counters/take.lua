-- Takes the cost of one or several checks of one tenant: all-or-nothing per check, in array order (counters.ts).
-- Everything is read before anything is written, so no error can leave half a take behind. A refused or looking check
-- writes nothing, but for a bucket that a clock stepping back has left ahead: it is moved to the present, its sum kept.
-- Written for speed where it is not loops: numbers stay strings wherever Redis would only format them again.
--
-- KEYS  1 the tenant's own key | 2 the usage hash of the calling process | 3.. further counters and request ids
-- ARGV  1 the clock in UTC ms, or '' for the store's own | 2 UTC ms after which this take is too late and does nothing
--       3 shard token of the node's owner | 4 5 6 the day's label, start, end | 7 8 9 the month's (seconds)
--       10 labels and far ends of their neighbours:
--         "previous-day-label start next-day-label end previous-month-label start next-month-label end"
--       11 12 how long counters of the day and of the month are kept (ms) | 13 how long usage waits to be fetched (ms)
--       14 most new users of one day | 15 number of checks, then per check:
--         cost | index of its request id or 0 | usage field without label | usage acknowledged under the label ARGV[4]
--         | index of its user's own key or 0 | number of claims, then per claim:
--           index of its counter | five limits (second, minute, day, quotaDay, month):
--           n >= 1 is obeyed and counted, 0 is counted only (shadow), -1 is neither
-- Reply { 1, now ms, day label, month label, buckets found ahead of the clock, per check: verdict, packed state per claim }
--         verdict 0 refused, 1 admitted, 2 admitted before under the same request id; a state that does not exist is ''
--       { -1, now ms }   the clock lies outside the periods handed in: nothing was taken
--       { -2, check }    that check's user is new and the day's new users are used up: nothing was taken
--       { -3, byte }     a state has this unknown format: nothing was taken
--       { -4, now ms }   the take came too late: its caller has answered without it

local call, floor, KEYS, ARGV = redis.call, math.floor, KEYS, ARGV
local MAX_SUM, MAX_QUOTA_SUM = 1e11, 9e15
local TWO_DAYS_MS, TWO_MINUTES_MS, REPLAY_MS = '172800000', '120000', '60000'

local now
if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000 + floor(time[2] / 1000)
else
  now = ARGV[1] + 0
end
if now > ARGV[2] + 0 then return { -4, now } end
local now_s = floor(now / 1000)

local day_label, month_label = ARGV[4] + 0, ARGV[7] + 0
if now_s < ARGV[5] + 0 or now_s >= ARGV[6] + 0 or now_s < ARGV[8] + 0 or now_s >= ARGV[9] + 0 then
  local labels, far = { day_label, month_label }, {}
  local starts, ends = { ARGV[5] + 0, ARGV[8] + 0 }, { ARGV[6] + 0, ARGV[9] + 0 }
  for number in string.gmatch(ARGV[10], '%d+') do far[#far + 1] = number + 0 end
  for p = 1, 2 do
    local n = 4 * p - 3
    if now_s >= ends[p] then
      if now_s >= far[n + 3] then return { -1, now } end
      labels[p] = far[n + 2]
    elseif now_s < starts[p] then
      if now_s < far[n + 1] then return { -1, now } end
      labels[p] = far[n]
    end
  end
  day_label, month_label = labels[1], labels[2]
end

-- This instant in the three sliding windows: its bucket, and how much of the bucket is left.
local second, minute, day = now_s, floor(now / 60000), floor(now_s / 86400)
local second_left, minute_left, day_left = 1000 - (now - now_s * 1000), 60000 - (now - minute * 60000), 86400 - (now_s - day * 86400)

local raw = call('GET', KEYS[1])
local tenant, unknown = read_state(raw, true)
if not tenant then return { -3, unknown } end
local token = ARGV[3] + 0
if not raw or token > tenant[24] then
  if token > tenant[24] then tenant[24] = token end
  adopt_generation(tenant, now > tenant[2] and now or tenant[2] + 1)
end
local generation = tenant[2]
if tenant[25] < day_label then tenant[25], tenant[26] = day_label, 0 end

local states, packed, dirty, ahead = { tenant }, { raw or '' }, {}, 0

-- Sums of the sliding window at i as they stand in `bucket`, without storing that time went on: what a refused check only
-- looked at stays as it was. A bucket ahead of the clock is re-based at once: sliding-window.ts, rollSliding.
local function seen(s, i, bucket)
  local stored = s[i]
  if stored == bucket then return s[i + 1], s[i + 2] end
  if stored == bucket - 1 then return 0, s[i + 1] end
  if stored < bucket then return 0, 0 end
  local sum = s[i + 1] + s[i + 2]
  ahead, s.rebased = ahead + 1, true
  s[i], s[i + 1], s[i + 2] = bucket, sum < MAX_SUM and sum or MAX_SUM, 0
  return s[i + 1], 0
end

-- What period `label` has used of the quota at i: quota.ts, quotaUsed.
local function used(s, i, label)
  if label > s[i] then return 0 end
  if label == s[i + 6] then return s[i + 7] + s[i + 8] end
  return s[i + 1] + s[i + 2]
end

local function take_sliding(s, i, bucket, cost)
  s[i + 1], s[i + 2] = seen(s, i, bucket)
  s[i] = bucket
  local sum = s[i + 1] + cost
  s[i + 1] = sum < MAX_SUM and sum or MAX_SUM
end

-- Only a greater label opens a period: quota.ts, rollQuota and takeQuota.
local function take_quota(s, i, label, cost)
  if label > s[i] then
    s[i + 6], s[i + 7], s[i + 8] = s[i], s[i + 1], s[i + 2]
    s[i], s[i + 1], s[i + 2] = label, 0, 0
  elseif label == s[i + 6] then
    i = i + 6
  end
  local since = s[i + 2] + cost
  s[i + 2] = s[i + 1] + since < MAX_QUOTA_SUM and since or MAX_QUOTA_SUM - s[i + 1]
end

local reply = { 1, now, day_label, month_label, 0 }
local usage, requests = {}, nil -- positions in ARGV of the checks that were admitted; ids to remember
local a = 16
for check = 1, ARGV[15] do
  local cost, request, user, claims = ARGV[a] + 0, ARGV[a + 1] + 0, ARGV[a + 4] + 0, ARGV[a + 5] + 0
  local first = a + 6
  local after = first + 6 * claims
  local replayed = request > 0 and (requests and requests[request] or call('EXISTS', KEYS[request]) == 1)

  local admitted, new_user = true, false
  if user > 0 and not states[user] then
    raw = call('GET', KEYS[user])
    states[user], unknown = read_state(raw)
    if not states[user] then return { -3, unknown } end
    packed[user] = raw or ''
  end
  if user > 0 and packed[user] == '' then
    new_user = true
    if not replayed and tenant[26] >= ARGV[14] + 0 then return { -2, check } end
  end

  for c = first, after - 1, 6 do
    local index = ARGV[c] + 0
    local s = states[index]
    if not s then
      raw = call('GET', KEYS[index])
      s, unknown = read_state(raw)
      if not s then return { -3, unknown } end
      states[index], packed[index] = s, raw or ''
    end
    if s[2] ~= generation then adopt_generation(s, generation) end
    local limit = ARGV[c + 1]
    if limit ~= '-1' then
      local current, previous = seen(s, 3, second)
      if limit ~= '0' and (limit - current - cost) * 1000 < previous * second_left then admitted = false end
    end
    limit = ARGV[c + 2]
    if limit ~= '-1' then
      local current, previous = seen(s, 6, minute)
      if limit ~= '0' and (limit - current - cost) * 60000 < previous * minute_left then admitted = false end
    end
    limit = ARGV[c + 3]
    if limit ~= '-1' then
      local current, previous = seen(s, 9, day)
      if limit ~= '0' and (limit - current - cost) * 86400 < previous * day_left then admitted = false end
    end
    limit = ARGV[c + 4]
    if limit ~= '-1' and limit ~= '0' and used(s, 12, day_label) + cost > limit + 0 then admitted = false end
    limit = ARGV[c + 5]
    if limit ~= '-1' and limit ~= '0' and used(s, 15, month_label) + cost > limit + 0 then admitted = false end
  end

  reply[#reply + 1] = replayed and 2 or admitted and 1 or 0
  if admitted and cost > 0 and not replayed then
    for c = first, after - 1, 6 do
      local index = ARGV[c] + 0
      local s = states[index]
      if ARGV[c + 1] ~= '-1' then take_sliding(s, 3, second, cost) end
      if ARGV[c + 2] ~= '-1' then take_sliding(s, 6, minute, cost) end
      if ARGV[c + 3] ~= '-1' then take_sliding(s, 9, day, cost) end
      if ARGV[c + 4] ~= '-1' then take_quota(s, 12, day_label, cost) end
      if ARGV[c + 5] ~= '-1' then take_quota(s, 15, month_label, cost) end
      packed[index] = pack_state(s, index == 1)
      dirty[index] = true
      reply[#reply + 1] = packed[index]
    end
    if new_user then
      tenant[26] = tenant[26] + 1
      dirty[1], packed[1] = true, pack_state(tenant, true)
      states[user][2] = generation
      dirty[user], packed[user] = user, pack_state(states[user])
    elseif user > 0 and dirty[user] then
      dirty[user] = user
    end
    if request > 0 then
      requests = requests or {}
      requests[request] = true
    end
    usage[#usage + 1] = a
  else
    for c = first, after - 1, 6 do reply[#reply + 1] = packed[ARGV[c] + 0] end
  end
  a = after
end

reply[5] = ahead
if ahead > 0 then
  -- Stored even when nothing is taken: re-based anew at every reading, a full window would wait for the old clock.
  for index, s in pairs(states) do
    if s.rebased and not dirty[index] then call('SET', KEYS[index], pack_state(s, index == 1), 'KEEPTTL') end
  end
end
if #usage == 0 then return reply end
if not dirty[1] then dirty[1], packed[1] = true, pack_state(tenant, true) end

-- field = max(field, acknowledged) + cost: what a failover forgot is healed by the next take that knows better.
for u = 1, #usage do
  local at = usage[u]
  local field, cost = day_label .. ARGV[at + 2], ARGV[at]
  local total = call('HINCRBY', KEYS[2], field, cost)
  local missing = day_label == ARGV[4] + 0 and ARGV[at + 3] + cost - total or 0
  if missing > 0 then call('HINCRBY', KEYS[2], field, string.format('%.0f', missing)) end
  if total == cost + 0 then call('PEXPIRE', KEYS[2], ARGV[13]) end
end
for index, user in pairs(dirty) do
  local s, ttl = states[index], TWO_MINUTES_MS
  if index == 1 or s[15] > 0 then
    ttl = ARGV[12]
  elseif s[12] > 0 then
    ttl = ARGV[11]
  elseif s[9] > 0 then
    ttl = TWO_DAYS_MS
  elseif user == index then
    ttl = ARGV[11]
  end
  call('PSETEX', KEYS[index], ttl, packed[index])
end
if requests then
  for request in pairs(requests) do call('PSETEX', KEYS[request], REPLAY_MS, '') end
end
return reply
