// Reads samples from a page of OpenMetrics. Pure.

/** The sum of all samples of `name` that carry `labels`; 0 when there is none. */
export function sampleSum(page: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const [, sample, pairs = "", value] of page.matchAll(/^([a-z_]+)(?:\{(.*?)\})? (\S+)/gm)) {
    if (sample === name && wanted.every((pair) => pairs.includes(pair))) sum += Number(value);
  }
  return sum;
}
