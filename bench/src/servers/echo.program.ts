// The echo alone: what node:http and JSON cost before anything is decided.
import { type EchoOrder, startEcho } from "./http-echo.ts";

process.once("message", async ({ answerBytes }: EchoOrder) => {
  process.send?.(await startEcho(answerBytes, () => null));
});
process.once("disconnect", () => process.exit());
