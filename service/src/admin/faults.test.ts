import { expect, test } from "vitest";
import { faultOf } from "./faults.ts";

/** As `pg` throws it. */
const thrownWith = (code: string) => Object.assign(new Error("could not extend file"), { code });

test("a PostgreSQL without room is unavailable, may be asked again, and is logged", () => {
  for (const code of ["53100", "53200", "58030"]) {
    const fault = faultOf(thrownWith(code));
    expect(fault).toMatchObject({ code: "UNAVAILABLE", isOurs: true });
    expect(fault.retryAfterMs).toBeGreaterThan(0);
  }
});

test("nothing of a private cause reaches the peer", () => {
  expect(faultOf(thrownWith("53100")).detail).not.toContain("extend");
  expect(faultOf(thrownWith("XX000"))).toMatchObject({ code: "INTERNAL", isOurs: true });
});
