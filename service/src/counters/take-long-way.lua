-- The long way of take.lua, whose header says what comes in, goes out and is promised: any number of checks, counters that
-- are new, or of another day, month or generation, clocks that stepped back. It is put in front of take.lua when that loads.
-- General, in tables and loops, and writes whole states with their life; about three times as dear as the short way.

local function take_the_long_way(now, read_state, pack_state, show_state, adopt_generation)
  local call, byte, floor, KEYS, ARGV = redis.call, string.byte, math.floor, KEYS, ARGV
  local MAX_SUM, MAX_QUOTA_SUM = 1e11, 9e15
  local TWO_MINUTES_MS, TWO_DAYS_MS, MONTH_MS = 120000, 2 * 86400000, 31 * 86400000
  local REPLAY_MS, USAGE_MS = '60000', '259200000'
  local second = floor(now / 1000)

  local function ascii_numbers(format, text)
    local halves, numbers = { struct.unpack(format, text) }, {}
    for i = 1, (#halves - 1) / 2 do numbers[i] = halves[2 * i - 1] + 2 * halves[2 * i] end
    return numbers
  end

  local day_start, label, day_end, month_end = unpack(ascii_numbers('<I4I4I4I4I4I4I4I4', ARGV[4]))
  if second < day_start or second >= day_end then return { -1, now } end
  local labels = { label, floor(label / 100) }
  -- This instant in the three sliding windows: width, bucket, and how much of the bucket is left.
  local widths, buckets = { 1000, 60000, 86400 }, { second, floor(now / 60000), floor(second / 86400) }
  local lefts = { 1000 - now % 1000, 60000 - now % 60000, 86400 - second % 86400 }

  -- By index: states, which keys are missing, which states are to be written, and which are users' own keys.
  local states, missing, changed, of_user, ahead = {}, {}, {}, {}, 0

  -- The state at `index` in the present generation, or nil and the byte when its format is unknown.
  local function state_at(index)
    if states[index] then return states[index] end
    local raw = call('GET', KEYS[index])
    local s, unknown = read_state(raw, index == 1)
    if not s then return nil, unknown end
    states[index], missing[index] = s, not raw
    if index > 1 and s[2] ~= states[1][2] then adopt_generation(s, states[1][2]) end
    return s
  end

  local tenant, unknown = state_at(1)
  if not tenant then return { -3, unknown } end
  local token = ARGV[3] + 0
  if missing[1] or token > tenant[24] then
    tenant[24] = math.max(token, tenant[24])
    adopt_generation(tenant, math.max(now, tenant[2] + 1))
  end
  if tenant[25] < label then tenant[25], tenant[26] = label, 0 end

  -- Sums of sliding window w as they stand now, without storing that time went on: what a refused check only looked at
  -- stays as it was. A bucket ahead of the clock is re-based at once and stored even so: re-based anew at every reading,
  -- a full window would wait for the old clock (sliding-window.ts, rollSliding).
  local function seen(index, w)
    local s, i, bucket = states[index], 3 * w, buckets[w]
    if s[i] == bucket then return s[i + 1], s[i + 2] end
    if s[i] < bucket then return 0, s[i] == bucket - 1 and s[i + 1] or 0 end
    s[i], s[i + 1], s[i + 2] = bucket, math.min(s[i + 1] + s[i + 2], MAX_SUM), 0
    ahead, changed[index] = ahead + 1, true
    return s[i + 1], 0
  end

  -- What the present period has used of quota q: quota.ts, quotaUsed.
  local function used(s, q)
    local i = 9 + 3 * q
    if labels[q] > s[i] then return 0 end
    if labels[q] == s[i + 6] then i = i + 6 end
    return s[i + 1] + s[i + 2]
  end

  local function admits(index, limits, cost)
    local admitted = true
    for w = 1, 3 do
      if limits[w] > 0 then
        local current, previous = seen(index, w)
        if (limits[w] - current - cost) * widths[w] < previous * lefts[w] then admitted = false end
      end
    end
    for q = 1, 2 do
      if limits[3 + q] > 0 and used(states[index], q) + cost > limits[3 + q] then admitted = false end
    end
    return admitted
  end

  -- Only a greater label opens a period: quota.ts, rollQuota and takeQuota.
  local function take_quota(s, q, cost)
    local i = 9 + 3 * q
    if labels[q] > s[i] then
      s[i + 6], s[i + 7], s[i + 8] = s[i], s[i + 1], s[i + 2]
      s[i], s[i + 1], s[i + 2] = labels[q], 0, 0
    elseif labels[q] == s[i + 6] then
      i = i + 6
    end
    s[i + 2] = math.min(s[i + 2] + cost, MAX_QUOTA_SUM - s[i + 1])
  end

  local function take(index, limits, cost)
    local s = states[index]
    for w = 1, 3 do
      if limits[w] > 0 then
        local current, previous = seen(index, w)
        s[3 * w], s[3 * w + 1], s[3 * w + 2] = buckets[w], math.min(current + cost, MAX_SUM), previous
      end
    end
    for q = 1, 2 do
      if limits[3 + q] > 0 then take_quota(s, q, cost) end
    end
    changed[index] = true
  end

  -- What is the same text in many checks is read once.
  local function remembering(read)
    local known = {}
    return function(text)
      local value = known[text]
      if not value then
        value = read(text)
        known[text] = value
      end
      return value
    end
  end
  local limits_in = remembering(function(text) return ascii_numbers('<I5I5I5I5I5I5I7I7I7I7', text) end)
  local indexes_in = remembering(function(text)
    local indexes = {}
    for i = 1, #text, 2 do
      local low, high = byte(text, i, i + 1)
      indexes[#indexes + 1] = low + 128 * high
    end
    return indexes
  end)

  -- By usage field: the cost taken and what is acknowledged; and the request ids of what took.
  local reply, taken, acknowledged, requests = {}, {}, {}, {}
  local at, check = 6, 0
  while ARGV[at] do
    check = check + 1
    local cost, field, indexes = ARGV[at] + 0, ARGV[at + 1], indexes_in(ARGV[at + 3])
    local request, user, last = indexes[1], indexes[2], #indexes
    local replayed = request > 0 and (requests[request] or call('EXISTS', KEYS[request]) == 1)
    local new_user = false
    if user > 0 then
      local s
      s, unknown = state_at(user)
      if not s then return { -3, unknown } end
      new_user = missing[user] and not changed[user]
      if new_user and not replayed and tenant[26] >= ARGV[5] + 0 then return { -2, check } end
    end

    local admitted = true
    for n = 3, last do
      local s
      s, unknown = state_at(indexes[n])
      if not s then return { -3, unknown } end
      if not admits(indexes[n], limits_in(ARGV[at + 1 + n]), cost) then admitted = false end
    end
    if admitted and cost > 0 and not replayed then
      for n = 3, last do take(indexes[n], limits_in(ARGV[at + 1 + n]), cost) end
      if new_user then changed[user], tenant[26] = true, tenant[26] + 1 end
      if user > 0 then of_user[user] = true end
      if request > 0 then requests[request] = true end
      taken[field], acknowledged[field] = (taken[field] or 0) + cost, ARGV[at + 2] + 0
    end
    reply[#reply + 1] = string.char(replayed and 2 or admitted and 1 or 0)
    for n = 3, last do reply[#reply + 1] = show_state(states[indexes[n]]) end
    at = at + 2 + last
  end

  -- field = max(field, acknowledged) + cost: what a failover forgot is healed by the next take that knows better.
  for field, cost in pairs(taken) do
    local total = acknowledged[field] + cost
    local held = call('HINCRBY', KEYS[2], field, cost)
    if held < total then call('HINCRBY', KEYS[2], field, total - held) end
    if held == cost then call('PEXPIRE', KEYS[2], USAGE_MS) end
    changed[1] = true
  end
  for index in pairs(changed) do
    local s, life_ms = states[index], TWO_MINUTES_MS
    if index == 1 or s[15] > 0 then
      life_ms = (month_end - second) * 1000 + TWO_DAYS_MS
      if s[15] > labels[2] then life_ms = life_ms + MONTH_MS end -- the clock stepped back from the next month
    elseif s[12] > 0 or of_user[index] then
      life_ms = (day_end - second) * 1000 + TWO_DAYS_MS
    elseif s[9] > 0 then
      life_ms = TWO_DAYS_MS
    end
    call('PSETEX', KEYS[index], life_ms, pack_state(s, index == 1))
  end
  for request in pairs(requests) do call('PSETEX', KEYS[request], REPLAY_MS, '') end
  return struct.pack('<I1I7I4I1I1', 1, now, label, 122, math.min(ahead, 255)) .. table.concat(reply)
end
