// `npm run stack`: the whole topology on this machine, with TLS and the rights of production, until Ctrl-C.
//
// Promise: what runs where, how to ask, and how to sign in stand on the screen when it runs; Ctrl-C (or SIGTERM) ends all
// of it and removes the folder, unless one was named.
import { parseArgs } from "node:util";
import { DEMO_POLICIES } from "@sluice/service/demo/demo-policies.ts";
import { ensureServices } from "../../scripts/services.ts";
import { waitFor } from "../../service/test/wait.ts";
import { runningBanner } from "./banner.ts";
import type { ServiceInstance } from "./service-instance.ts";
import { startStack } from "./stack.ts";

const USAGE = `npm run stack [-- options]

  --plain           without TLS, in the profile dev
  --one-postgres    one server, instead of a monitor, a primary and a synchronous standby: up in half the time
  --instances N     processes of the service behind the balancer, 3
  --workers N       of each instance, 1
  --folder FOLDER   keeps everything there; a temporary folder, removed at the end, when absent
`;
const MOST_INSTANCES = 20;

const options = readOptions();
if (options === null) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const missing = ensureServices();
if (missing.length > 0) {
  process.stderr.write(`Missing on this machine: ${missing.join(", ")}. Install them first.\n`);
  process.exit(2);
}
// Heard from the first moment on: what has been started by then is ended.
const asked = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => asked.resolve());

say("Starting six Redis nodes, PostgreSQL, the instances and HAProxy; half a minute ...");
const stack = await startStack(options);
await stack.inForce(await stack.put(DEMO_POLICIES));
await Promise.all(stack.instances.map(countsInTime));
process.stdout.write(await runningBanner(stack));
await asked.promise;
say("Stopping ...");
await stack.close();
say(options.folder === undefined ? "Stopped; nothing is left." : `Stopped; what it kept is in ${options.folder}.`);
process.exit(0);

/** The first looks of a new process may take longer than its deadline: nobody should see the Fallback before a fault. */
async function countsInTime(instance: ServiceInstance): Promise<void> {
  const look = { tenantId: "acme", apiPath: "/", httpMethod: "GET", cost: 0 };
  await waitFor(`${instance.name} counts`, async () => (await instance.ask(look)).reason === "OK");
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        plain: { type: "boolean", default: false },
        "one-postgres": { type: "boolean", default: false },
        instances: { type: "string", default: "3" },
        workers: { type: "string", default: "1" },
        folder: { type: "string" },
      },
    });
    return {
      tls: !values.plain,
      postgres: values["one-postgres"] ? ("single" as const) : ("auto_failover" as const),
      instances: wholeNumber("--instances", values.instances),
      workers: wholeNumber("--workers", values.workers),
      ...(values.folder !== undefined && { folder: values.folder }),
    };
  } catch (fault) {
    say(fault instanceof Error ? fault.message : String(fault));
    return null;
  }
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= MOST_INSTANCES) return number;
  throw new Error(`${name} is ${text}: give a whole number from 1 to ${MOST_INSTANCES}.`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
