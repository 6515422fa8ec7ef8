import type { FastifyRequest } from "fastify";
import { expect, test } from "vitest";
import { ACTORS } from "./admin.world.ts";
import { idempotentOf } from "./request.http.ts";
import type { AskedByUser, ChangeRoute, Shape } from "./route.admin.ts";

const route = { kind: "change", method: "POST", path: "/admin/users" } as ChangeRoute;
const request = { headers: { "idempotency-key": "k-1" } } as unknown as FastifyRequest;

function digestOf(body: object, secret: string): string | undefined {
  const asked = { actor: ACTORS.admin, params: {}, query: {}, body } as unknown as AskedByUser<Shape>;
  return idempotentOf(route, asked, request, secret)?.sha256;
}

test("the digest kept of a request is the same on every instance, and tells nothing to who lacks the secret", () => {
  const body = { loginId: "kim", password: "four unrelated quiet words" };
  expect(digestOf(body, "of all instances")).toBe(digestOf({ ...body }, "of all instances"));
  expect(digestOf({ ...body, loginId: "lee" }, "of all instances")).not.toBe(digestOf(body, "of all instances"));
  expect(digestOf(body, "guessed")).not.toBe(digestOf(body, "of all instances"));
});
