// Keeps docs/reliability.json and the page that is written from it.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ABSENT } from "../faults/absent.ts";
import { FAULTS } from "../faults/list.ts";
import { joinPublished, type PublishedFault, publishedFault, type Sitting } from "./published.ts";
import { reliabilityPage } from "./reliability.ts";
import type { FaultSummary } from "./summary.ts";

const DOCS = join(import.meta.dirname, "../../../docs");
const FIGURES = join(DOCS, "reliability.json");
const PAGE = join(DOCS, "reliability.md");

/** Called after each fault: what was measured until then stands there, whatever becomes of the rest. */
export async function publish(summary: FaultSummary, sitting: Sitting): Promise<void> {
  const ids = FAULTS.map(({ id }) => id);
  const faults = joinPublished(await readPublished(), [publishedFault(summary, sitting)], ids);
  await writeFile(FIGURES, `${JSON.stringify({ faults }, null, 2)}\n`);
  await writeFile(PAGE, reliabilityPage({ faults, absent: ABSENT }));
}

async function readPublished(): Promise<PublishedFault[]> {
  try {
    return (JSON.parse(await readFile(FIGURES, "utf8")) as { faults: PublishedFault[] }).faults;
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new Error(`${FIGURES} cannot be read: mend it, or remove it to begin anew.`, { cause: fault });
  }
}
