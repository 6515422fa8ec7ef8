import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { Deadlines, type Expiring, STALL_MS } from "./deadlines.ts";

class Call implements Expiring {
  finished = false;
  readonly expired = Promise.withResolvers<boolean>();

  expire(stalled: boolean): void {
    this.finished = true;
    this.expired.resolve(stalled);
  }
}

/** Our own event loop stands still. */
function stallFor(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

test("a call that is not finished expires after the deadline, in order, and a finished one does not", async () => {
  const deadlines = new Deadlines(20, () => undefined);
  const calls = [new Call(), new Call(), new Call()] as const;
  const startMs = performance.now();
  for (const call of calls) deadlines.add(call);
  calls[1].finished = true;
  calls[1].expire = () => expect.unreachable("it was finished");
  await Promise.all([calls[0].expired.promise, calls[2].expired.promise]);
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(19);
  deadlines.close();
});

test("after a stall of our own, what had arrived is read before anything expires, and expiry is marked", async () => {
  const server = createServer((socket) => socket.write("reply"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stalls: number[] = [];
  const deadlines = new Deadlines(10, (lateMs) => stalls.push(lateMs));
  const answered = new Call();
  const unanswered = new Call();
  answered.expire = () => expect.unreachable("its answer was waiting in the socket");

  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("data", () => {
    answered.finished = true;
  });
  socket.on("connect", () => {
    deadlines.add(answered);
    deadlines.add(unanswered);
    stallFor(100);
  });
  expect(await unanswered.expired.promise).toBe(true);
  expect(answered.finished).toBe(true);
  expect(stalls[0]).toBeGreaterThan(STALL_MS);
  deadlines.close();
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
