// Is this process alive, started, able to answer checks? What the operations port tells its probes.
// Promise: once `stop` was called it is never ready again; a part that throws is a part that is not well.
// A part that is not required is shown and does not make the process unready: checks go on by Fallback without it.

export type PartHealth = Readonly<{ healthy: boolean; detail: string }>;

export type Health = Readonly<{
  /** `read` is asked at each probe, so it must be cheap and must not wait. */
  part: (name: string, required: boolean, read: () => PartHealth) => void;
  /** Everything has been built: from now on the required parts decide. */
  start: () => void;
  stop: () => void;
  report: () => HealthReport;
}>;

export type HealthReport = Readonly<{
  ready: boolean;
  phase: "starting" | "running" | "stopping";
  parts: Readonly<Record<string, PartHealth & { required: boolean }>>;
}>;

export function createHealth(): Health {
  const parts = new Map<string, { required: boolean; read: () => PartHealth }>();
  let phase: HealthReport["phase"] = "starting";
  return {
    part: (name, required, read) => {
      parts.set(name, { required, read });
    },
    start: () => {
      if (phase === "starting") phase = "running";
    },
    stop: () => {
      phase = "stopping";
    },
    report: () => {
      const seen = [...parts].map(([name, { required, read }]) => [name, { ...readSafely(read), required }] as const);
      const well = seen.every(([, part]) => part.healthy || !part.required);
      return { ready: phase === "running" && well, phase, parts: Object.fromEntries(seen) };
    },
  };
}

function readSafely(read: () => PartHealth): PartHealth {
  try {
    return read();
  } catch (cause) {
    return { healthy: false, detail: cause instanceof Error ? cause.message : String(cause) };
  }
}
