import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Two workers that count differently, and a primary that prints their page twice: with both, and after one has ended. */
const PROGRAM = `
  import cluster from "node:cluster";
  import { once } from "node:events";
  import { createMetrics } from "${import.meta.dirname}/metrics.ts";
  import { answerForMetrics, gatherMetrics } from "${import.meta.dirname}/metrics-workers.ts";
  if (cluster.isWorker) {
    const { metrics, registry } = createMetrics(() => 65_000);
    const first = process.env.FIRST === "1";
    metrics.decision("OK", null);
    if (first) metrics.decision("OK", null);
    metrics.checkDuration(first ? 3 : 30);
    metrics.policies(first ? 7 : 8, first ? null : 60_000);
    answerForMetrics(registry);
    process.send("ready");
  } else {
    const workers = [cluster.fork({ FIRST: "1" }), cluster.fork({ FIRST: "0" })];
    await Promise.all(workers.map((worker) => once(worker, "message")));
    const page = gatherMetrics(() => Object.values(cluster.workers));
    const both = await page.text();
    const ended = once(workers[0], "exit");
    const asking = page.text();
    workers[0].process.kill("SIGKILL");
    await Promise.all([asking, ended]);
    console.log(JSON.stringify({ type: page.contentType, both, one: await page.text() }));
    workers[1].process.kill("SIGKILL");
    process.exit();
  }
`;

test("the page of several workers has their sums under the names of one, and goes on when one ends", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-workers-"));
  // A file, because a worker starts from the file of its primary.
  const file = join(folder, "program.mts");
  await writeFile(file, PROGRAM);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    await once(child, "close");
    const { type, both, one } = JSON.parse(said) as Record<"type" | "both" | "one", string>;
    expect(type).toMatch(/^application\/openmetrics-text/);
    const lines = both.split("\n");
    for (const line of [
      "# TYPE sluice_decisions counter",
      'sluice_decisions_total{reason="OK",window="none"} 3',
      'sluice_check_duration_seconds_bucket{door="single",le="0.005"} 1',
      'sluice_check_duration_seconds_bucket{door="single",le="0.05"} 2',
      'sluice_check_duration_seconds_count{door="single"} 2',
      "sluice_policy_version 7",
      // The worker whose policies were never confirmed has no age, so it cannot make the others look young.
      "sluice_policy_age_seconds 5",
    ]) {
      expect(lines).toContain(line);
    }
    expect(both.endsWith("# EOF\n")).toBe(true);
    expect(one).toContain('sluice_decisions_total{reason="OK",window="none"} 1');
  } finally {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  }
});
