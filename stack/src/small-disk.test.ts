import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const CLUSTER_OF_DISK = "x".repeat(64 * 1024);

describe.skipIf(!isRoot)("a small disk", () => {
  let parent = "";
  let folder = "";
  let disk: SmallDisk;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "sluice-small-disk-"));
    folder = join(parent, "data");
    disk = await mountSmallDisk(folder, 1);
  });
  afterEach(async () => {
    await disk.unmount().catch(() => undefined);
    await rm(parent, { recursive: true, force: true });
  });

  test("takes nothing once it is filled, and takes it again once it is freed", async () => {
    await disk.fill();
    await expect(writeFile(join(folder, "late"), CLUSTER_OF_DISK)).rejects.toMatchObject({ code: "ENOSPC" });
    await disk.free();
    await writeFile(join(folder, "late"), CLUSTER_OF_DISK);
  });

  test("leaves nothing where it was mounted", async () => {
    await writeFile(join(folder, "kept"), "on the disk alone");
    await disk.unmount();
    expect(await readdir(folder)).toEqual([]);
  });
});
