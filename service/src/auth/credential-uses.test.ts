import { expect, test } from "vitest";
import { CredentialUses } from "./credential-uses.ts";

test("the latest use of each is drained once", () => {
  const uses = new CredentialUses();
  uses.note("a", 1);
  uses.note("b", 2);
  uses.note("a", 3);
  expect(uses.drain()).toEqual([
    { credentialId: "a", atMs: 3 },
    { credentialId: "b", atMs: 2 },
  ]);
  expect(uses.drain()).toEqual([]);
});

test("what is put back does not hide a later use", () => {
  const uses = new CredentialUses();
  uses.note("a", 1);
  uses.note("b", 1);
  const drained = uses.drain();
  uses.note("a", 5);
  uses.putBack(drained);
  expect(new Map(uses.drain().map(({ credentialId, atMs }) => [credentialId, atMs]))).toEqual(
    new Map([
      ["a", 5],
      ["b", 1],
    ]),
  );
});

test("it holds no more than its bound, and goes on with those it knows", () => {
  const uses = new CredentialUses();
  for (let number = 0; number < 5_000; number += 1) uses.note(`c${number}`, 1);
  uses.note("c0", 2);
  const drained = uses.drain();
  expect(drained).toHaveLength(2_000);
  expect(drained[0]).toEqual({ credentialId: "c0", atMs: 2 });
});
