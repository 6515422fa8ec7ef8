-- The packed state of one counter, shared by the scripts of this folder: it is put in front of them when they load.
--
-- Bytes, little endian. Byte 0 is the format; a script reads formats N and N-1 and takes nothing on an unknown one.
--   I1 format | I7 generation
--   3 x (I4 bucket, I5 current, I5 previous)      second, minute, day
--   2 x (I4 label, I7 base, I7 since)             quotaDay, month; so far it is the head, which may be rewritten in place
--   2 x (I4 label, I7 base, I7 since)             their previous periods; left out while both are empty
--   I7 shard token | I4 user day | I4 users       the tenant's own key only: how many new users that day has seen
-- state-codec.ts is the TypeScript reader of the same bytes.

local FORMAT, HEAD, HEAD_BYTES, OWN_BYTES = 1, '<I1I7I4I5I5I4I5I5I4I5I5I4I7I7I4I7I7', 86, 15

-- States as tables, for what has time to be general: the flat list of the numbers above, [1] format, [2] generation,
-- [3..11] sliding windows, [12..17] quotas, [18..23] previous periods, [24..26] the tenant's own.
-- Makes the functions for them only when they are needed, and is handed the constants above instead of seeing them: every
-- function made and every local that one sees costs each take a twentieth of a microsecond.
local function open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
  local PREVIOUS, OWN = '<I4I7I7I4I7I7', '<I7I4I4'
  local SHOWN = HEAD .. string.sub(PREVIOUS, 2)

  -- The state of a packed string, or nil and the byte when its format is unknown. A missing key is an empty state.
  local function read_state(packed, of_tenant)
    if not packed then return { FORMAT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } end
    if string.byte(packed) ~= FORMAT then return nil, string.byte(packed) end
    local s, own_at = { struct.unpack(HEAD, packed) }, #packed + 1 - (of_tenant and OWN_BYTES or 0)
    s[18], s[19], s[20], s[21], s[22], s[23] = 0, 0, 0, 0, 0, 0
    if own_at > HEAD_BYTES + 1 then
      s[18], s[19], s[20], s[21], s[22], s[23] = struct.unpack(PREVIOUS, packed, HEAD_BYTES + 1)
    end
    if of_tenant then s[24], s[25], s[26] = struct.unpack(OWN, packed, own_at) end
    return s
  end

  local function pack_state(s, of_tenant)
    local packed = struct.pack(HEAD, unpack(s, 1, 17))
    if s[18] > 0 or s[21] > 0 then packed = packed .. struct.pack(PREVIOUS, unpack(s, 18, 23)) end
    return of_tenant and packed .. struct.pack(OWN, unpack(s, 24, 26)) or packed
  end

  -- What a reply shows of a state: its head and its previous periods, empty or not.
  local function show_state(s)
    return struct.pack(SHOWN, unpack(s, 1, 23))
  end

  -- Another generation: what was counted in the old one becomes the base (quota.ts, rebaseQuota).
  local function adopt_generation(s, generation)
    for i = 13, 22, 3 do
      s[i], s[i + 1] = s[i] + s[i + 1], 0
    end
    s[2] = generation
  end

  return read_state, pack_state, show_state, adopt_generation
end
