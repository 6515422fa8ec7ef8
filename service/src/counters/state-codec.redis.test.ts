// What Lua packs and TypeScript reads, and the other way round, on a real Redis: its struct library is the third party here.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { asciiIndex, asciiNumber } from "./ascii-numbers.ts";
import type { CounterState } from "./counters.ts";
import { decodeState, HEAD_BYTES, WHOLE_BYTES } from "./state-codec.ts";

const STATE_LUA = readFileSync(new URL("state.lua", import.meta.url), "utf8");
const RUNS = { seed: 20261122, numRuns: 300 };
/** Before the numbers of a state: its format. After them, in the tenant's own key: token, user day, users. */
const FORMAT = 1;

/** Packs ARGV[2..] as a state, reads it again, and returns: stored bytes, shown bytes, numbers read. */
const PACK_AND_READ = `${STATE_LUA}
local read_state, pack_state, show_state = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local function hex(bytes) return (string.gsub(bytes, '.', function(c) return string.format('%02x', string.byte(c)) end)) end
local of_tenant, s, again = ARGV[1] == '1', {}, {}
for i = 2, #ARGV do s[i - 1] = ARGV[i] + 0 end
local packed = pack_state(s, of_tenant)
for i, number in ipairs(read_state(packed, of_tenant)) do again[i] = string.format('%.0f', number) end
return { hex(packed), hex(show_state(s)), again }`;

const READ_NUMBERS = `
local halves, numbers = { struct.unpack(ARGV[1], ARGV[2]) }, {}
for i = 1, #halves - 1, 2 do numbers[#numbers + 1] = string.format('%.0f', halves[i] + 2 * halves[i + 1]) end
return numbers`;

const upTo = (greatest: number) =>
  fc.oneof(fc.constantFrom(0, 1, 255, 256, greatest - 1, greatest), fc.integer({ min: 0, max: greatest }));
const label = upTo(2 ** 32 - 1);
const sum = upTo(2 ** 40 - 1);
const quotaSum = upTo(Number.MAX_SAFE_INTEGER);
const quota = fc.tuple(label, quotaSum, quotaSum);
const head = fc
  .tuple(quotaSum, ...[1, 2, 3].map(() => fc.tuple(label, sum, sum)), quota, quota)
  .map((parts) => [FORMAT, ...parts.flat()] as number[]);
const previous = fc.oneof(
  fc.constant([0, 0, 0, 0, 0, 0]),
  fc
    .tuple(quota, quota)
    .filter(([day, month]) => day[0] + month[0] > 0)
    .map((both) => both.flat()),
);
const own = fc.tuple(quotaSum, label, label);

describeWithRedis("the packed state", () => {
  let redis: RedisNode;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  async function packed(numbers: readonly number[], ofTenant: boolean) {
    const reply = await redis.command("EVAL", PACK_AND_READ, 0, ofTenant ? 1 : 0, ...numbers.map(String));
    const [stored, shown, again] = reply as [string, string, string[]];
    return { stored: Buffer.from(stored, "hex"), shown: Buffer.from(shown, "hex"), again: again.map(Number) };
  }

  test("is read by TypeScript as Lua packed it, with previous periods and without", async () => {
    await fc.assert(
      fc.asyncProperty(head, previous, async (first, then) => {
        const { stored, shown } = await packed([...first, ...then], false);
        expect(shown.length).toBe(WHOLE_BYTES);
        expect(decodeState(shown, 0, WHOLE_BYTES)).toEqual(stateOf([...first, ...then]));
        expect(stored.length).toBe(then.some((number) => number > 0) ? WHOLE_BYTES : HEAD_BYTES);
        expect(stored).toEqual(shown.subarray(0, stored.length));
        const inTheMiddle = Buffer.concat([Buffer.alloc(7, 0xff), stored]);
        expect(decodeState(inTheMiddle, 7, HEAD_BYTES)).toEqual(stateOf([...first, 0, 0, 0, 0, 0, 0]));
      }),
      RUNS,
    );
  });

  test("is read by Lua as it was packed, the tenant's own numbers too", async () => {
    await fc.assert(
      fc.asyncProperty(head, previous, own, fc.boolean(), async (first, then, last, ofTenant) => {
        const numbers = ofTenant ? [...first, ...then, ...last] : [...first, ...then];
        expect((await packed(numbers, ofTenant)).again).toEqual(numbers);
      }),
      RUNS,
    );
  });

  test("of an unknown format is refused by TypeScript", () => {
    const bytes = Buffer.alloc(HEAD_BYTES);
    bytes[0] = FORMAT + 1;
    expect(() => decodeState(bytes, 0, HEAD_BYTES)).toThrow(/unknown format 2/);
  });

  test("numbers written as ASCII are read by Lua, up to the last of their width", async () => {
    const widths = fc.constantFrom(4, 5, 7);
    const numbers = widths.chain((bytes) =>
      fc.tuple(
        fc.constant(bytes),
        fc.array(upTo(Math.min(256 ** bytes - 1, Number.MAX_SAFE_INTEGER)), { minLength: 1, maxLength: 5 }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(numbers, async ([bytes, drawn]) => {
        const text = drawn.map((number) => asciiNumber(number, bytes)).join("");
        expect(text).toMatch(/^[\0-\x7f]*$/);
        const read = await redis.command("EVAL", READ_NUMBERS, 0, `<${`I${bytes}`.repeat(2 * drawn.length)}`, text);
        expect((read as string[]).map(Number)).toEqual(drawn);
      }),
      RUNS,
    );
    expect(await redis.command("EVAL", READ_NUMBERS, 0, "<I7I7", asciiNumber(1e16, 7))).toEqual(["10000000000000000"]);
  });
});

test("a number too great for its width is a fault, not a smaller number", () => {
  expect(() => asciiNumber(256 ** 4, 4)).toThrow(RangeError);
  expect(asciiNumber(256 ** 4 - 1, 4)).toHaveLength(8);
});

test("an index is two characters of seven bits, the lower first", () => {
  expect(asciiIndex(0)).toBe("\0\0");
  expect(asciiIndex(127)).toBe("\x7f\0");
  expect(asciiIndex(128)).toBe("\0\x01");
  expect(asciiIndex(2 ** 14 - 1)).toBe("\x7f\x7f");
});

/** The flat list of state.lua as the port names its parts; the format and the generation are no matter of the port. */
function stateOf(numbers: readonly number[]): CounterState {
  const three = (at: number) => [numbers[at] ?? 0, numbers[at + 1] ?? 0, numbers[at + 2] ?? 0] as const;
  const sliding = (at: number) => {
    const [bucket, current, before] = three(at);
    return { bucket, current, previous: before };
  };
  const entry = (at: number) => {
    const [periodLabel, base, since] = three(at);
    return { label: periodLabel, base, since };
  };
  return {
    second: sliding(2),
    minute: sliding(5),
    day: sliding(8),
    quotaDay: { current: entry(11), previous: entry(17) },
    month: { current: entry(14), previous: entry(20) },
  };
}
