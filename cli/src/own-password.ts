// `sluice password`: who is signed in changes their own password. Both passwords come from a person, files or the
// environment, as at `sluice login`. The session of this command goes on; every other one of the user ends.
import { Command } from "commander";
import { type ApiOptions, openApi, withApiOptions } from "./api/api.ts";
import { warnOfClearText } from "./login.ts";
import { readPassword } from "./password.ts";
import type { Terminal } from "./terminal.ts";

type Options = ApiOptions & Readonly<{ passwordFile?: string; newPasswordFile?: string }>;

const NEW_FILE = "--new-password-file";

export function passwordCommand(terminal: Terminal): Command {
  const command = new Command("password")
    .description("Change your own password; all your other sessions end at once")
    .option("--password-file <file>", "a file whose first line is the old one (or SLUICE_PASSWORD; else it is asked)")
    .option(`${NEW_FILE} <file>`, "a file whose first line is the new one (or SLUICE_NEW_PASSWORD; else it is asked)")
    .action(async ({ passwordFile, newPasswordFile, ...options }: Options) => {
      const api = await openApi(terminal, options);
      warnOfClearText(terminal, api.url);
      const oldPassword = await readPassword(terminal, {
        ...{ file: passwordFile, variable: "SLUICE_PASSWORD", question: "Your password until now" },
      });
      const newPassword = await readPassword(terminal, {
        ...{ file: newPasswordFile, variable: "SLUICE_NEW_PASSWORD", question: "The new password" },
        ...{ option: NEW_FILE, isNew: true },
      });
      await api.ask({ method: "PUT", path: "/admin/auth/password", body: { oldPassword, newPassword } });
      terminal.say(`Your password at ${api.url} is changed, and your other sessions have ended.`);
    });
  return withApiOptions(command);
}
