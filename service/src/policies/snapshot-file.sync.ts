// Writes the snapshot file whenever the policies have changed: at most one write at a time, the latest state last.
// A fault of the disk is reported and tried again with the next change. Not here: the format, or which process does this.
import type { PolicySync } from "./policies.sync.ts";
import { type CompiledSnapshot, snapshotRows } from "./snapshot-compiled.ts";
import type { SnapshotFile } from "./snapshot-lines.ts";
import { writeSnapshotFile } from "./snapshot-write.file.ts";

export type SnapshotFileKeeper = Readonly<{
  /** Ends the keeping, after what is still to be written. */
  close: () => Promise<void>;
}>;

export function keepSnapshotFile(
  sync: Pick<PolicySync, "onChange">,
  file: SnapshotFile,
  onFault: (fault: unknown) => void,
): SnapshotFileKeeper {
  let latest: CompiledSnapshot | null = null;
  let running: Promise<void> | null = null;

  const writeLatest = async () => {
    while (latest !== null) {
      const snapshot = latest;
      latest = null;
      await writeSnapshotFile(file, snapshotRows(snapshot)).catch(onFault);
    }
    running = null;
  };
  const ignore = sync.onChange((snapshot) => {
    latest = snapshot;
    running ??= writeLatest();
  });
  return {
    close: async () => {
      ignore();
      await running;
    },
  };
}
