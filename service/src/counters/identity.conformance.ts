// Which counter a claim means: by tenant, scope, user and API, never by the policy that names it.
import { expect, test } from "vitest";
import { ANONYMOUS_USER } from "./counters.ts";
import { claim, type InWorld, REPORT_API } from "./world.conformance.ts";

export function identitySentences(inWorld: InWorld): void {
  test("scopes, users, APIs and tenants each have counters of their own", () =>
    inWorld(async (world) => {
      const perUser = [claim("TENANT_USER", { minute: 1 })];
      const perApi = (api: string) => [claim("TENANT_API", { minute: 1 }, { api })];
      const perUserApi = (api: string) => [claim("TENANT_USER_API", { minute: 1 }, { api })];
      await world.admit({ claims: [claim("TENANT", { minute: 1 })], user: "kim" });
      for (const user of ["kim", "lee", "Kim", "kim ", `kim\n${REPORT_API}`]) {
        await world.admit({ claims: perUser, user });
        await world.refuse({ claims: perUser, user });
        await world.admit({ claims: perUserApi(REPORT_API), user });
        await world.refuse({ claims: perUserApi(REPORT_API), user });
      }
      for (const api of [REPORT_API, "ANY /v1/report/export", "POST /v1/report/*"]) {
        await world.admit({ claims: perApi(api), user: "kim" });
        await world.refuse({ claims: perApi(api), user: "lee" });
      }
      await world.of(`${world.tenant}x`).admit({ claims: [claim("TENANT", { minute: 1 })], user: "kim" });
    }));

  test("calls without a user share one counter, apart from every named user's", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT_USER", { minute: 2 })];
      await world.admit({ claims, user: ANONYMOUS_USER });
      await world.admit({ claims, user: "anonymous" });
      const looked = await world.take({ claims, user: ANONYMOUS_USER, cost: 0 });
      expect(world.used(looked, 0, "minute")).toBe(1);
      await world.admit({ claims, user: ANONYMOUS_USER });
      await world.refuse({ claims, user: ANONYMOUS_USER });
      await world.admit({ claims, user: "anonymous" });
    }));

  test("a replaced policy keeps the count, also of a window that no policy named meanwhile", () =>
    inWorld(async (world) => {
      await world.admit({ claims: [claim("TENANT", { minute: 10, month: 10 })], cost: 6 });
      await world.admit({ claims: [claim("TENANT", { minute: 20 })], cost: 4 });
      const taken = await world.take({ claims: [claim("TENANT", { minute: 20, month: 7 })], cost: 1 });
      expect(taken.checks[0]?.admitted).toBe(true);
      expect(world.used(taken, 0, "minute")).toBe(11);
      expect(world.used(taken, 0, "month")).toBe(7);
      await world.refuse({ claims: [claim("TENANT", { month: 7 })] });
    }));
}
