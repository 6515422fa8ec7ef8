// contract/openapi.json is made from the routes that are served. Without a word it compares; with --write it writes.
// The file must also be valid OpenAPI 3.1, and give every operation a name of its own.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { openApiDocument } from "../service/src/openapi-document.ts";

const path = join(import.meta.dirname, "../contract/openapi.json");
const document = openApiDocument();
const made = `${JSON.stringify(document, null, 2)}\n`;
const faults = [...(await schemaFaults(made)), ...repeatedNames(document)];
if (process.argv.includes("--write")) writeFileSync(path, made);
else if (readFileSync(path, "utf8") !== made)
  faults.push("it is not what the routes say: run scripts/openapi.drift.ts --write");
for (const fault of faults) console.error(`contract/openapi.json: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

async function schemaFaults(text: string): Promise<string[]> {
  const { valid, errors } = await new Validator().validate(JSON.parse(text) as Record<string, unknown>);
  return valid ? [] : [JSON.stringify(errors)];
}

function repeatedNames({
  paths,
}: Readonly<{ paths: Record<string, Record<string, { operationId: string }>> }>): string[] {
  const names = Object.values(paths).flatMap((operations) =>
    Object.values(operations).map(({ operationId }) => operationId),
  );
  return names.filter((name, index) => names.indexOf(name) !== index).map((name) => `two operations are named ${name}`);
}
