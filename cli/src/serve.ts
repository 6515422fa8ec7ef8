// `sluice serve`: starts the service in this process. Its configuration is the environment's (SLUICE_*).
// The service is imported only now: other commands start faster without it.
import { Command } from "commander";
import type { Terminal } from "./terminal.ts";

export function serveCommand(terminal: Terminal): Command {
  return new Command("serve").description("Start the service").action(async () => {
    const { serve } = await import("@sluice/service/main.ts");
    await serve(terminal.environment);
  });
}
