// How long the event loop of this thread is held up at most: the CPU time between two of its turns. CPU time and not
// time on the clock, because on a busy machine the latter mostly tells how long others had the core.

export type ThreadWatch = Readonly<{
  /** Ends the watch; milliseconds of the longest stay so far. */
  end: () => number;
}>;

export function watchThread(): ThreadWatch {
  let longestUs = 0;
  let ended = false;
  let lastUs = threadUs();
  const turn = () => {
    const nowUs = threadUs();
    longestUs = Math.max(longestUs, nowUs - lastUs);
    lastUs = nowUs;
    if (!ended) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    end: () => {
      ended = true;
      return Math.max(longestUs, threadUs() - lastUs) / 1_000;
    },
  };
}

function threadUs(): number {
  // On some kernels the thread's own count moves by the tick of 4 ms only, unless the process's was asked just before.
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
