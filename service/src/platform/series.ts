// Time series for the hot path: counted in plain arrays, handed to prom-client only when somebody scrapes.
// Labels are closed lists, so the number of series is fixed when the process starts.
// Not here: which series the platform has (metrics.ts).
import {
  Counter,
  Histogram,
  type MetricObjectWithValues,
  type MetricValueWithName,
  type OpenMetricsContentType,
  type Registry,
} from "prom-client";

export type SeriesRegistry = Registry<OpenMetricsContentType>;

/** `name` without `_total`, which the exposition appends. */
export type SeriesName = Readonly<{ registry: SeriesRegistry; name: string; help: string }>;

/** A label and every value it can have. */
export type Label<Value extends string> = Readonly<{ label: string; values: readonly Value[] }>;

/** A counter without labels. */
export function countAll(series: SeriesName): (amount: number) => void {
  let total = 0;
  publish(series, [], () => [{ labels: {}, total }]);
  return (amount) => {
    total += amount;
  };
}

/** A counter with one label. */
export function countBy<Value extends string>(series: SeriesName, by: Label<Value>): (value: Value) => void {
  const totals = new Float64Array(by.values.length);
  const at = positions(by);
  publish(series, [by.label], () =>
    by.values.map((value, index) => ({ labels: { [by.label]: value }, total: totals[index] ?? 0 })),
  );
  return (value) => add(totals, at[value]);
}

/** A counter with two labels. */
export function countByTwo<Row extends string, Column extends string>(
  series: SeriesName,
  rows: Label<Row>,
  columns: Label<Column>,
): (row: Row, column: Column) => void {
  const width = columns.values.length;
  const totals = new Float64Array(rows.values.length * width);
  const [rowAt, columnAt] = [positions(rows), positions(columns)];
  publish(series, [rows.label, columns.label], () =>
    rows.values.flatMap((row, y) =>
      columns.values.map((column, x) => ({
        labels: { [rows.label]: row, [columns.label]: column },
        total: totals[y * width + x] ?? 0,
      })),
    ),
  );
  return (row, column) => add(totals, rowAt[row] * width + columnAt[column]);
}

/** A histogram of durations; `bounds` ascend, in seconds. */
export function observe(series: SeriesName, bounds: readonly number[]): (seconds: number) => void {
  const row = emptyRow({}, bounds);
  new ArrayHistogram(series, bounds, [row]);
  return (seconds) => record(row, bounds, seconds);
}

/** The same with one label. */
export function observeBy<Value extends string>(
  series: SeriesName,
  bounds: readonly number[],
  by: Label<Value>,
): (value: Value, seconds: number) => void {
  const rows = by.values.map((value) => emptyRow({ [by.label]: value }, bounds));
  const at = positions(by);
  new ArrayHistogram(series, bounds, rows);
  return (value, seconds) => {
    const row = rows[at[value]];
    if (row !== undefined) record(row, bounds, seconds);
  };
}

/** `counts` has one place more than there are bounds: what lies above them all. */
type Row = { readonly labels: Readonly<Record<string, string>>; readonly counts: Float64Array; sum: number };

function emptyRow(labels: Readonly<Record<string, string>>, bounds: readonly number[]): Row {
  return { labels, counts: new Float64Array(bounds.length + 1), sum: 0 };
}

function record(row: Row, bounds: readonly number[], seconds: number): void {
  let bucket = 0;
  while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket += 1;
  add(row.counts, bucket);
  row.sum += seconds;
}

type Exposed = MetricObjectWithValues<MetricValueWithName<string>>;

/** A histogram whose buckets live in our arrays: only reading it is prom-client's. */
class ArrayHistogram extends Histogram<string> {
  readonly #series: SeriesName;
  readonly #bounds: readonly number[];
  readonly #rows: readonly Row[];

  constructor(series: SeriesName, bounds: readonly number[], rows: readonly Row[]) {
    const { registry, name, help } = series;
    super({ name, help, labelNames: Object.keys(rows[0]?.labels ?? {}), buckets: [...bounds], registers: [registry] });
    this.#series = series;
    this.#bounds = bounds;
    this.#rows = rows;
  }

  override async get(): Promise<Exposed> {
    const { name, help } = this.#series;
    const values = this.#rows.flatMap((row) => this.#expose(name, row));
    const exposed = { name, help, type: "histogram", values, aggregator: "sum" };
    // The declared type asks for a numeric enum and `collect`; the library itself answers this shape.
    return exposed as unknown as Exposed;
  }

  /** What the text form asks for; the library's own answer would be the empty buckets of the base class. */
  getForPromString(): Promise<Exposed> {
    return this.get();
  }

  #expose(name: string, row: Row): MetricValueWithName<string>[] {
    let below = 0;
    const buckets = Array.from(row.counts, (count, index) => {
      below += count;
      return {
        metricName: `${name}_bucket`,
        labels: { ...row.labels, le: this.#bounds[index] ?? "+Inf" },
        value: below,
      };
    });
    const totals = [
      { metricName: `${name}_sum`, labels: row.labels, value: row.sum },
      { metricName: `${name}_count`, labels: row.labels, value: below },
    ];
    return [...buckets, ...totals];
  }
}

type Total = Readonly<{ labels: Readonly<Record<string, string>>; total: number }>;

function publish({ registry, name, help }: SeriesName, labelNames: string[], totals: () => readonly Total[]): void {
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, total } of totals()) this.inc(labels, total);
    },
  });
}

function positions<Value extends string>({ values }: Label<Value>): Readonly<Record<Value, number>> {
  return Object.fromEntries(values.map((value, index) => [value, index])) as Record<Value, number>;
}

function add(totals: Float64Array, index: number): void {
  totals[index] = (totals[index] ?? 0) + 1;
}
