// The log: one JSON object a line, on stderr; events of the process, never single requests.
// Promise: fields that hold secrets are masked wherever they stand up to two levels deep.
import pino, { type DestinationStream, type Logger } from "pino";

export type Log = Logger;
export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SECRET_FIELDS = ["password", "secret", "credential", "token", "authorization", "privateKey", "key", "url"];

/** `fields` are on every line: profile, worker, incarnation. */
export function createLog(
  level: LogLevel,
  fields: Readonly<Record<string, unknown>>,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Log {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino(
    {
      level,
      base: { ...fields, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: "***" },
    },
    destination,
  );
}
