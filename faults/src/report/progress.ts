// What is going on, on stderr: one line that is drawn anew on a terminal, a line per phase elsewhere.
export type Progress = Readonly<{
  /** `done` of `total` runs are over; this one is in `phase`. */
  show: (done: number, total: number, what: string, phase: string) => void;
  clear: () => void;
}>;

const BAR_WIDTH = 24;
const CLEAR_LINE = "\r\x1b[2K";

export function createProgress(out: NodeJS.WriteStream): Progress {
  return {
    show: (done, total, what, phase) => {
      const filled = Math.round((done / total) * BAR_WIDTH);
      const bar = `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}] ${done}/${total}`;
      out.write(out.isTTY ? `${CLEAR_LINE}${bar}  ${what}: ${phase}` : `${bar}  ${what}: ${phase}\n`);
    },
    clear: () => {
      if (out.isTTY) out.write(CLEAR_LINE);
    },
  };
}
