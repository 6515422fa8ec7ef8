-- Gives back what a take took although its caller had been answered with a refusal in the meantime.
-- Only what still stands in the same buckets and periods is given back: the rest has run out by itself. And only to counters
-- of the generation that it was taken under: in another one they may have been lost and raised again without it, and a
-- charge too much is stricter than one too little.
--
-- KEYS  1 the tenant's own key | 2 the usage hash of the process that took | 3.. further counters and the request id
-- ARGV  1 when the take ran, UTC ms | 2 3 its day and month labels | 4 cost | 5 usage field | 6 index of its request id or 0
--       7 the generation it was taken under
--       8 number of claims, then per claim: index of its counter | five marks: 1 where the window was taken from, else 0
-- Reply { 1, counters changed } | { -3, byte } a state has this unknown format: nothing was given back

local call, floor = redis.call, math.floor
local read_state, pack_state = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local at, cost, generation = ARGV[1] + 0, ARGV[4] + 0, ARGV[7] + 0
local labels = { ARGV[2] + 0, ARGV[3] + 0 }
local buckets = { floor(at / 1000), floor(at / 60000), floor(floor(at / 1000) / 86400) }

local function lower(s, i)
  local less = math.min(cost, s[i])
  s[i] = s[i] - less
  return less
end

local changed = {}
for claim = 0, ARGV[8] - 1 do
  local first = 9 + 6 * claim
  local index = ARGV[first] + 0
  local raw = call('GET', KEYS[index])
  if raw then
    local s, unknown = read_state(raw, index == 1)
    if not s then return { -3, unknown } end
    if s[2] == generation then
      for w = 1, 3 do
        local i = 3 * w
        if ARGV[first + w] == '1' then
          if s[i] == buckets[w] then
            lower(s, i + 1)
          elseif s[i] == buckets[w] + 1 then
            lower(s, i + 2)
          end
        end
      end
      for q = 1, 2 do
        if ARGV[first + 3 + q] == '1' then
          local i = 9 + 3 * q
          if s[i] ~= labels[q] then i = i + 6 end
          if s[i] == labels[q] then
            local less = lower(s, i + 2)
            s[i + 1] = math.max(0, s[i + 1] - (cost - less))
          end
        end
      end
      changed[index] = pack_state(s, index == 1)
    end
  end
end

local count = 0
for index, packed in pairs(changed) do
  call('SET', KEYS[index], packed, 'KEEPTTL')
  count = count + 1
end
if call('HEXISTS', KEYS[2], ARGV[5]) == 1 then call('HINCRBY', KEYS[2], ARGV[5], '-' .. ARGV[4]) end
if ARGV[6] ~= '0' then call('DEL', KEYS[ARGV[6] + 0]) end
return { 1, count }
