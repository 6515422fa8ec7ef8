import { expect, test } from "vitest";
import { isTenantId, isTimeZone } from "./tenant.ts";

test("a tenant id is 1 to 64 of letters, digits, dot, underscore and hyphen", () => {
  for (const id of ["a", "Acme-1.2_3", "x".repeat(64)]) expect(isTenantId(id), id).toBe(true);
  for (const id of ["", "x".repeat(65), "a b", "a{b}", "a:b", "a\n", "é"]) expect(isTenantId(id), id).toBe(false);
});

test("a time zone is an IANA name and no offset", () => {
  for (const zone of ["UTC", "Asia/Seoul", "America/Argentina/Ushuaia"]) expect(isTimeZone(zone), zone).toBe(true);
  for (const zone of ["", "Mars/Olympus", "+09:00", "Asia/Seoul "]) expect(isTimeZone(zone), zone).toBe(false);
});
