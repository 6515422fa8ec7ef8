// One page of metrics for all workers: the primary asks each for its series and adds them up.
// prom-client's own cluster registry answers in the older text format only, in which the same counters have other names
// than one worker alone gives them; so the asking is here, and only the adding is prom-client's.
// Promise: the page is of all workers connected when it was asked for, or it is an error: a sum that leaves one out would
// look like counters that fell. A worker that ends meanwhile is not waited for.
import type { Worker } from "node:cluster";
import { AggregatorRegistry, Registry } from "prom-client";
import type { MetricsText } from "./metrics.ts";
import type { SeriesRegistry } from "./series.ts";

/** A worker that is alive answers in milliseconds; one that stands still this long fails the scrape. */
const ANSWER_MS = 2_000;

type Series = Awaited<ReturnType<SeriesRegistry["getMetricsAsJSON"]>>;
type Question = Readonly<{ kind: "metrics?"; id: number }>;
type Answer = Readonly<{ kind: "metrics"; id: number; series: Series }>;

/** In a worker: answers the primary's questions for as long as the process lives. */
export function answerForMetrics(registry: SeriesRegistry): void {
  process.on("message", (message: Question) => {
    if (message.kind !== "metrics?") return;
    void registry.getMetricsAsJSON().then((series) => {
      const answer: Answer = { kind: "metrics", id: message.id, series };
      // The primary may have gone in between.
      process.send?.(answer, undefined, undefined, () => undefined);
    });
  });
}

/** In the primary: the page of all `workers()` together. */
export function gatherMetrics(workers: () => readonly Worker[]): MetricsText {
  let asked = 0;
  return {
    contentType: Registry.OPENMETRICS_CONTENT_TYPE,
    text: async () => {
      asked += 1;
      const id = asked;
      const answers = await Promise.all(workers().map((worker) => ask(worker, id)));
      const series = answers.filter((answer) => answer !== null);
      const all = AggregatorRegistry.aggregate(series);
      all.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
      return all.metrics();
    },
  };
}

/** Null when the worker ended before it answered. */
function ask(worker: Worker, id: number): Promise<Series | null> {
  if (!worker.isConnected()) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const onMessage = (message: Answer) => {
      if (message.kind === "metrics" && message.id === id) settle(() => resolve(message.series));
    };
    const onEnd = () => settle(() => resolve(null));
    const late = setTimeout(() => {
      settle(() => reject(new Error(`worker ${worker.id} did not tell its metrics within ${ANSWER_MS} ms`)));
    }, ANSWER_MS);
    const settle = (then: () => void) => {
      clearTimeout(late);
      worker.off("message", onMessage);
      worker.off("disconnect", onEnd);
      then();
    };
    worker.on("message", onMessage);
    worker.once("disconnect", onEnd);
    const question: Question = { kind: "metrics?", id };
    worker.send(question, (error) => error !== null && onEnd());
  });
}
