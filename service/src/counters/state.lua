-- The packed state of one counter, shared by the scripts of this folder: it is put in front of them when they load.
--
-- Bytes, little endian. Byte 0 is the format; a script reads formats N and N-1 and takes nothing on an unknown one.
--   I1 format | I7 generation
--   3 x (I4 bucket, I5 current, I5 previous)      second, minute, day
--   2 x (I4 label, I7 base, I7 since)             quotaDay, month
--   2 x (I4 label, I7 base, I7 since)             their previous periods; left out while both are empty
--   I7 shard token | I4 user day | I4 users       the tenant's own key only: how many new users that day has seen
-- In memory a state is the flat table of these numbers: [1] format, [2] generation, [3..11] sliding windows,
-- [12..17] quotas, [18..23] previous periods, [24..26] the tenant's own.
-- state-codec.ts is the TypeScript reader of the same bytes.

local FORMAT = 1
local BODY, PREVIOUS, TENANT = '<I1I7I4I5I5I4I5I5I4I5I5I4I7I7I4I7I7', 'I4I7I7I4I7I7', 'I7I4I4'
local BYTES_WITHOUT_PREVIOUS, TENANT_BYTES = 86, 15

-- The state of a packed string, or nil and the byte when its format is unknown. A missing key is an empty state.
local function read_state(packed, of_tenant)
  if not packed then return { FORMAT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } end
  if string.byte(packed) ~= FORMAT then return nil, string.byte(packed) end
  local tail = of_tenant and TENANT or ''
  if #packed - (of_tenant and TENANT_BYTES or 0) > BYTES_WITHOUT_PREVIOUS then
    return { struct.unpack(BODY .. PREVIOUS .. tail, packed) }
  end
  local s = { struct.unpack(BODY .. tail, packed) }
  s[24], s[25], s[26] = s[18], s[19], s[20]
  s[18], s[19], s[20], s[21], s[22], s[23] = 0, 0, 0, 0, 0, 0
  return s
end

local function pack_state(s, of_tenant)
  if s[18] > 0 or s[21] > 0 then
    return struct.pack(BODY .. PREVIOUS .. (of_tenant and TENANT or ''), unpack(s, 1, 26))
  elseif of_tenant then
    s[18], s[19], s[20] = s[24], s[25], s[26]
    local packed = struct.pack(BODY .. TENANT, unpack(s, 1, 20))
    s[18], s[19], s[20] = 0, 0, 0
    return packed
  end
  return struct.pack(BODY, unpack(s, 1, 17))
end

-- Another generation: what was counted in the old one becomes the base (quota.ts, rebaseQuota).
local function adopt_generation(s, generation)
  for i = 13, 22, 3 do
    s[i], s[i + 1] = s[i] + s[i + 1], 0
  end
  s[2] = generation
end
