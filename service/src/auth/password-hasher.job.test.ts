import { expect, test } from "vitest";
import { Refusal } from "../platform/refusal.ts";
import { formatHash, isOutdated, type PasswordHash, parseHash } from "./password-hash.ts";
import { createPasswordHasher, deriveTag } from "./password-hasher.job.ts";

const OLD_COST = { memoryKib: 64, passes: 1, lanes: 1 };

test("a tag is that of the reference implementation of argon2id", async () => {
  const tag = await deriveTag("password", Buffer.from("somesalt"), { memoryKib: 65_536, passes: 2, lanes: 1 });
  expect(tag.toString("hex")).toBe("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
});

test("a new hash says its parameters: 19 MiB, two passes, one lane, and verifies", async () => {
  const hasher = createPasswordHasher();
  const hash = await hasher.hash("plum tractor seven lamps");
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(isOutdated(hash)).toBe(false);
  expect(await hasher.verify("plum tractor seven lamps", hash)).toBe(true);
  expect(await hasher.verify("plum tractor seven lamp", hash)).toBe(false);
  expect(await hasher.hash("plum tractor seven lamps")).not.toBe(hash);
});

test("a hash of other parameters verifies by its own, and is outdated", async () => {
  const salt = Buffer.from("sixteen bytes!!!");
  const hash = formatHash({ cost: OLD_COST, salt, tag: await deriveTag("open sesame", salt, OLD_COST) });
  expect(await createPasswordHasher().verify("open sesame", hash)).toBe(true);
  expect(isOutdated(hash)).toBe(true);
});

test("the same text in another Unicode form is the same password", async () => {
  const hasher = createPasswordHasher();
  const hash = await hasher.hash("café ﬁnance ｗｉｄｅ");
  expect(await hasher.verify("cafe\u0301 finance wide", hash)).toBe(true);
});

test("what is no argon2id hash, or asks for a gigabyte, is a fault", () => {
  const tag = `${"A".repeat(22)}$${"A".repeat(43)}`;
  const texts = ["", "secret", `$argon2i$v=19$m=19456,t=2,p=1$${tag}`, `$argon2id$v=19$m=1048576,t=2,p=1$${tag}`];
  for (const text of texts) expect(() => parseHash(text as PasswordHash)).toThrow("not argon2id");
});

test("fifty at once run one after another, and all are answered", async () => {
  let running = 0;
  let most = 0;
  const hasher = createPasswordHasher(async () => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    return Buffer.alloc(32);
  });
  const all = await Promise.all(Array.from({ length: 50 }, () => hasher.verifyNothing("guess")));
  expect(all).toEqual(Array(50).fill(false));
  expect(most).toBe(1);
});

test("a full line refuses at once, and goes on taking people when it is empty again", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let derived = 0;
  const hasher = createPasswordHasher(async () => {
    derived++;
    await held;
    return Buffer.alloc(32);
  });
  const first = Array.from({ length: 201 }, () => hasher.verifyNothing("guess"));
  const refusal = await hasher.verifyNothing("guess").catch((fault: unknown) => fault);
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({ code: "UNAVAILABLE", retryAfterMs: 5_000 });
  expect(derived).toBe(1);
  release();
  await Promise.all(first);
  expect(await hasher.verifyNothing("guess")).toBe(false);
  expect(derived).toBe(202);
});

test("a hash that fails gives its place back", async () => {
  let calls = 0;
  const hasher = createPasswordHasher(async () => {
    if (++calls === 1) throw new Error("out of memory");
    return Buffer.alloc(32);
  });
  await expect(hasher.verifyNothing("guess")).rejects.toThrow("out of memory");
  expect(await hasher.verifyNothing("guess")).toBe(false);
});
