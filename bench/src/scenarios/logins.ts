// Whether fifty people who sign in at once are felt by the checks of the same process: passwords cost 50 ms of a core each.
import { createPasswordHasher } from "@sluice/service/auth/password-hasher.job.ts";
import { run } from "../../../service/test/postgres.ts";
import type { OpenResult } from "../generator/job.ts";
import { takeTurns } from "../rounds.ts";
import { atMost, type Scenario } from "../scenario.ts";
import type { BenchService } from "../servers/service.ts";
import { figureOf, ratios } from "../statistics.ts";
import { CHECK_REQUESTS, checkJob } from "./single-check.ts";

const LOGINS = 50;
const PASSWORD = "plum tractor seven lamps";
const PER_SECOND = 500;
const CONNECTIONS = 64;
/** One sign-in after another takes so long here, with some to spare. */
const WINDOW_FACTOR = 6;

export const logins: Scenario = {
  name: "logins",
  about: `${LOGINS} sign in at once while ${PER_SECOND} checks per second are answered by the same worker, and the checks alone`,
  run: async (world, pace) => {
    const service = await world.service([1], CHECK_REQUESTS.length);
    await putUsers((await world.postgres()).url("test_1"));
    const arrival = { connections: CONNECTIONS, perSecond: PER_SECOND, seed: 20_261_122 };
    const checks = (seconds: number) => world.generator.openLoop({ ...checkJob(service, seconds), ...arrival });
    const lagsMs: Record<"alone" | "logins", number[]> = { alone: [], logins: [] };
    const watched = async (name: keyof typeof lagsMs, act: () => Promise<OpenResult>) => {
      await loopLagMs(service);
      const result = await act();
      lagsMs[name].push(await loopLagMs(service));
      return result;
    };
    const samples = await takeTurns(
      {
        alone: (seconds) => watched("alone", () => checks(seconds)),
        logins: (seconds) =>
          watched("logins", async () => {
            const signingIn = Promise.all(Array.from({ length: LOGINS }, (_, user) => signIn(service, user)));
            const result = await checks(seconds);
            await signingIn;
            return result;
          }),
      },
      { ...pace, windowSeconds: pace.windowSeconds * WINDOW_FACTOR, rounds: Math.ceil(pace.rounds / 2) },
    );
    const p99 = ({ latency }: OpenResult) => latency.p99;
    const [alone, busy] = [samples.alone.map(p99), samples.logins.map(p99)];
    return [
      figureOf("event-loop delay P99 during logins", "ms", lagsMs.logins, atMost(20)),
      figureOf("event-loop delay P99 without", "ms", lagsMs.alone),
      figureOf("check P99 during logins", "ms", busy),
      figureOf("check P99 without", "ms", alone),
      figureOf("check P99 during logins / without", "x", ratios(busy, alone)),
    ];
  },
};

async function putUsers(url: string): Promise<void> {
  const hash = await createPasswordHasher().hash(PASSWORD);
  await run(
    url,
    `insert into users (login_id, password_hash, role) select 'user-' || n, $1, 'VIEWER' from generate_series(0, $2::int) as n`,
    [hash, LOGINS - 1],
  );
}

async function signIn({ port }: BenchService, user: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/admin/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ loginId: `user-${user}`, password: PASSWORD }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`A login was answered ${response.status} ${text}`);
}

/** Since it was asked last. */
async function loopLagMs({ opsPort }: BenchService): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
  const seconds = /^nodejs_eventloop_lag_p99_seconds(?:\{[^}]*\})? (\S+)/m.exec(page)?.[1];
  if (seconds === undefined) throw new Error("The service tells no event-loop delay.");
  return Number(seconds) * 1_000;
}
