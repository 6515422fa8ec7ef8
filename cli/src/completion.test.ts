// What a shell offers for half a command line, asked of the real shell where there is one.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "../../service/test/programs.ts";
import { runForTest } from "../test/run.ts";

const run = promisify(execFile);

test("another shell is refused with those there are", async () => {
  expect(await runForTest(["completion", "tcsh"])).toMatchObject({ exitCode: 2, data: "" });
});

describe.each([
  ["bash", (script: string, words: string[]) => ["-c", BASH, "bash", script, ...words]],
  ["fish", (script: string, words: string[]) => ["-c", `source ${script}; complete -C '${words.join(" ")}'`]],
])("in %s", (shell, argumentsOf) => {
  const program = findProgram(shell);
  let folder: string;
  let script: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-completion-"));
    script = join(folder, "script");
    await writeFile(script, (await runForTest(["completion", shell])).data);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const offered = async (...words: string[]) => {
    const { stdout } = await run(program ?? shell, argumentsOf(script, words));
    return stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t", 1)[0]]));
  };

  test.skipIf(program === null)("commands and their aliases", async () => {
    expect(await offered("sluice", "te")).toEqual(expect.arrayContaining(["tenants", "tenant"]));
    expect(await offered("sluice", "user", "cr")).toEqual(["create"]);
    expect(await offered("sluice", "redis", "mo")).toEqual(["move-slots"]);
  });

  test.skipIf(program === null)("options, also behind others, and their choices", async () => {
    expect(await offered("sluice", "policies", "create", "p", "--target", "everyone", "--api")).toEqual([
      "--api-pattern",
    ]);
    const scopes = await offered("sluice", "policy", "create", "--scope", "TENANT_U");
    expect(scopes.sort()).toEqual(["TENANT_USER", "TENANT_USER_API"]);
  });
});

test.skipIf(findProgram("zsh") === null)("in zsh the script is a valid function", async () => {
  const { data } = await runForTest(["completion", "zsh"]);
  const { stdout } = await run("zsh", ["-fc", `compdef() { :; }\n${data}\nwhence -w _sluice`]);
  expect(stdout.trim()).toBe("_sluice: function");
});

const BASH = `
  source "$1"; shift
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
  _sluice sluice "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
  printf '%s\\n' "\${COMPREPLY[@]}"`;
