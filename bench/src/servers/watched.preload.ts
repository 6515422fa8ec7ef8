// Loaded with --import before a program that knows nothing of it: watches that process for stalls.
// `?into=` of its own address names the file, so that the watched program's environment stays as it is.
import { isMainThread } from "node:worker_threads";
import { watchStalls } from "../stalls/watch.ts";

if (isMainThread) {
  const file = new URL(import.meta.url).searchParams.get("into");
  if (file === null) throw new Error("Name the file for stalls: --import .../watched.preload.ts?into=FILE");
  watchStalls(file);
}
