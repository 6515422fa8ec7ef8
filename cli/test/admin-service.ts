// A real service with embedded stores, as commands on the Admin API meet it, and a home of its own for their sessions.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimPorts } from "../../service/test/ports.ts";
import { type ServiceProcess, startService } from "../../service/test/service-process.ts";
import { waitFor } from "../../service/test/wait.ts";
import { type Person, type Run, runForTest } from "./run.ts";

export const ADMIN = { loginId: "han.seo", password: "kettle-orbit-plum-47" } as const;
/** argon2id of a busy machine, behind the schema. */
const FIRST_ADMIN_MS = 40_000;

export type AdminService = Readonly<{
  url: string;
  service: ServiceProcess;
  /** What commands find in their environment: where sessions are kept, and the service. */
  environment: Readonly<Record<string, string>>;
  folder: string;
  /** Signed in as the first admin, unless `environment` says something else. */
  run: (words: readonly string[], environment?: Record<string, string>, person?: Person) => Promise<Run>;
  /** The data of a run that ended with 0. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  data: (words: readonly string[]) => Promise<any>;
  close: () => Promise<void>;
}>;

export async function startAdminService(): Promise<AdminService> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  const [port = 0, opsPort = 0] = await claimPorts(2);
  const service = await startService({
    ...{ SLUICE_PORT: String(port), SLUICE_OPS_PORT: String(opsPort), SLUICE_DATA_DIR: join(folder, "data") },
    ...{ SLUICE_ADMIN_LOGIN: ADMIN.loginId, SLUICE_ADMIN_PASSWORD: ADMIN.password },
  });
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    ...{ XDG_CONFIG_HOME: join(folder, "config"), SLUICE_URL: url },
    SLUICE_OPS_URL: `http://127.0.0.1:${opsPort}`,
  };
  const run: AdminService["run"] = (words, more = {}, person = {}) =>
    runForTest(words, { ...environment, ...more }, person);
  const login = async () => {
    const words = ["login", "--login-id", ADMIN.loginId];
    return (await run(words, { SLUICE_PASSWORD: ADMIN.password })).exitCode === 0;
  };
  await waitFor("the first admin signs in", login, FIRST_ADMIN_MS);
  return {
    ...{ url, service, environment, folder, run },
    data: async (words) => {
      const { exitCode, data, talk } = await run(words);
      if (exitCode !== 0) throw new Error(`sluice ${words.join(" ")} ended with ${exitCode}: ${talk}`);
      return data === "" ? null : JSON.parse(data);
    },
    close: async () => {
      await service.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
