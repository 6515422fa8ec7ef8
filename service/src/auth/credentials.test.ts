import { expect, test } from "vitest";
import { createCredentials } from "./credentials.ts";

const credentials = createCredentials([
  { secret: "old-credential-0001", tenants: null },
  { secret: "new-credential-0002", tenants: null },
  { secret: "bound-credential-03", tenants: ["acme", "globex"] },
]);

test("several credentials are active at once", () => {
  expect(credentials("old-credential-0001")).toEqual({ tenants: null });
  expect(credentials("new-credential-0002")).toEqual({ tenants: null });
});

test("a bound credential names its tenants", () => {
  expect(credentials("bound-credential-03")).toEqual({ tenants: new Set(["acme", "globex"]) });
});

test.for(["", "old-credential-000", "old-credential-00011", "OLD-CREDENTIAL-0001", "old-credential-0001 ", "\u0000"])(
  "%j belongs to nobody",
  (presented) => {
    expect(credentials(presented)).toBe(null);
  },
);

test("where none is active nobody is known", () => {
  expect(createCredentials([])("old-credential-0001")).toBe(null);
});
