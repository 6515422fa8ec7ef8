// Reads SLUICE_POLICY_FILE from the disk.
import { readFile, stat } from "node:fs/promises";
import { type ParsedPolicyFile, parsePolicyFile } from "./policy-file.ts";

/** Some 100 000 policies. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** A file that cannot be read is faulty, too. */
export async function readPolicyFile(path: string): Promise<ParsedPolicyFile> {
  const refused = (problem: string): ParsedPolicyFile => ({
    kind: "faulty",
    faults: [{ line: 1, where: "", problem }],
  });
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) return refused(`is ${size} bytes long: at most ${MAX_FILE_BYTES} are read`);
    return parsePolicyFile(await readFile(path, "utf8"));
  } catch (fault) {
    return refused(`cannot be read: ${fault instanceof Error ? fault.message : fault}`);
  }
}
