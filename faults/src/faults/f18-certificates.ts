// F18: certificates of Redis. As planned: another authority takes the place of the old one, and nobody sees anything of it.
// Forgotten: they expire, nobody can connect any more, and every instance says why.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Certificates, makeCertificates, makeExpired } from "../../../service/test/certificates.ts";
import { alarmedWithin, SLOTS_WITHOUT_OWNER, strikeAndTellAlarm } from "../lab/alarm.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD, SOON_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { DRAINED, deployAnew, everyTenant, firstMaster, handOver, inStep } from "./parts.ts";

const TOLD_MS = 4_000;
const NAMED = "instances that name the reason";

export const authorityReplaced: Fault = {
  id: "F18a",
  name: "authority of Redis replaced",
  about:
    "All trust both authorities, nodes by CONFIG SET, instances by a deployment; nodes, then instances show certificates of " +
    "the new one, and the old one is trusted no more. At last a master hands over and follows, over new connections.",
  stack: { tls: true, environment: DRAINED },
  faultMs: 40_000,
  recoveryMs: 4_000,
  inflict: async (world) => {
    const { folder } = world.stack;
    const fresh = await makeCertificates(folder);
    const bothFile = join(folder, "both.crt");
    await writeFile(bothFile, `${await readFile(certificatesOf(world).caFile)}${await readFile(fresh.caFile)}`);

    await onEveryNode(world, "tls-ca-cert-file", bothFile);
    await deployAnew(world, { SLUICE_REDIS_TLS_CA_FILE: bothFile });
    await onEveryNode(world, "tls-cert-file", fresh.serverCertFile, "tls-key-file", fresh.serverKeyFile);
    await deployAnew(world, {
      SLUICE_REDIS_TLS_CA_FILE: fresh.caFile,
      SLUICE_REDIS_TLS_CERT_FILE: fresh.clientCertFile,
      SLUICE_REDIS_TLS_KEY_FILE: fresh.clientKeyFile,
    });
    await onEveryNode(world, "tls-ca-cert-file", fresh.caFile);

    const master = await firstMaster(world);
    await handOver(await world.stack.redis.replicaOf(master));
    await inStep(master);
    return everyTenant(world);
  },
  expectations: [...EVERY_FAULT, NO_FALLBACK, ...COUNTS_KEPT, RATES_HOLD],
};

export const certificatesExpired: Fault = {
  id: "F18b",
  name: "certificates of Redis expired",
  about:
    "Every node shows a certificate that has expired, and ends its clients' connections, as a restart would; later they are " +
    "given valid ones.",
  stack: { tls: true },
  faultMs: 8_000,
  recoveryMs: 8_000,
  usage: true,
  inflict: async (world) => {
    const path = join(world.stack.folder, "expired.crt");
    await makeExpired(certificatesOf(world), path);
    await onEveryNode(world, "tls-cert-file", path);
    await strikeAndTellAlarm(world, { alarm: SLOTS_WITHOUT_OWNER, withinMs: TOLD_MS }, () =>
      commandEveryNode(world, "CLIENT", "KILL", "TYPE", "normal"),
    );
    return everyTenant(world);
  },
  mend: async (world) => {
    const naming = world.stack.instances.filter((instance) =>
      instance.log().some(({ because }) => String(because).includes("certificate has expired")),
    );
    world.tell(NAMED, naming.length);
    await onEveryNode(world, "tls-cert-file", certificatesOf(world).serverCertFile);
  },
  expectations: [
    ...EVERY_FAULT,
    ...USAGE_EXACT,
    ...COUNTS_KEPT,
    SOON_EXACT,
    alarmedWithin(TOLD_MS, "nobody owns any slot"),
    { figure: NAMED, atLeast: 3, why: "an operator need not guess" },
  ],
};

/** Settings with their values in turn. A certificate is read anew, be its path the same. */
async function onEveryNode(world: World, ...settings: string[]): Promise<void> {
  await commandEveryNode(world, "CONFIG", "SET", ...settings);
}

/** Over connections that are there already, and are spared. */
async function commandEveryNode({ stack }: World, ...command: string[]): Promise<void> {
  await Promise.all(stack.redis.nodes.map((node) => node.command(...command)));
}

function certificatesOf({ stack }: World): Certificates {
  if (stack.certificates === null) throw new Error("This fault is about certificates: set tls.");
  return stack.certificates;
}
