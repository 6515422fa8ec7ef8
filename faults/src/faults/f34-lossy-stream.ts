// What lost and reordered packets do to one direction of a TCP connection: its pieces arrive whole and in order, but late.
// Pure: time and chance are handed in.
//
// A lost packet is sent again after a timeout that doubles with each loss, or a round trip after three packets have come
// behind it; a reordered one is late by a few milliseconds. Whatever was sent behind waits for it (RFC 6298, RFC 5681).
// Not here: lost acknowledgements, which later ones make up for, and a congestion window, as these streams are thin.

export type Line = Readonly<{
  /** 0..1, of all packets. */
  lostShare: number;
  reorderedShare: number;
}>;

export const GOOD_LINE: Line = { lostShare: 0, reorderedShare: 0 };

export type LossyStream = Readonly<{
  /** A piece of so many bytes goes on its way. */
  send: (nowMs: number, bytes: number) => void;
  /** How many pieces, of those sent and not told before, have arrived. */
  arrivals: (nowMs: number) => number;
  /** When the next may arrive; null when none is on its way. */
  nextMs: () => number | null;
}>;

/** Of Linux: the least timeout of a packet, and the first of the packet that opens a connection. */
const RESEND_MS = 200;
const REOPEN_MS = 1_000;
const MOST_LOSSES = 6;
const ROUND_TRIP_MS = 1;
const LATER_TO_RESEND_AT_ONCE = 3;
const MOST_REORDERED_MS = 5;
const PACKET_BYTES = 1_448;

type Packet = { dueMs: number; isLost: boolean; later: number; endsPiece: boolean };

/** `line` is asked for each packet, so it may change; `random` gives 0 <= value < 1. */
export function createLossyStream(openedMs: number, line: () => Line, random: () => number): LossyStream {
  const opensMs = openedMs + lossesOf(REOPEN_MS, line(), random);
  let packets: Packet[] = [];
  let arrived = 0;

  const sendPacket = (nowMs: number, endsPiece: boolean) => {
    const { lostShare, reorderedShare } = line();
    for (const packet of packets.filter(({ isLost }) => isLost)) {
      packet.later += 1;
      if (packet.later !== LATER_TO_RESEND_AT_ONCE || random() < lostShare) continue;
      packet.dueMs = Math.min(packet.dueMs, nowMs + ROUND_TRIP_MS);
    }
    const lostMs = lossesOf(RESEND_MS, line(), random);
    const reorderedMs = random() < reorderedShare ? Math.ceil(random() * MOST_REORDERED_MS) : 0;
    const dueMs = Math.max(opensMs, nowMs + lostMs + reorderedMs);
    packets.push({ dueMs, isLost: lostMs > 0, later: 0, endsPiece });
  };
  const settle = (nowMs: number) => {
    const waiting = packets.findIndex(({ dueMs }) => dueMs > nowMs);
    const through = waiting === -1 ? packets : packets.slice(0, waiting);
    arrived += through.filter(({ endsPiece }) => endsPiece).length;
    packets = packets.slice(through.length);
  };
  return {
    send: (nowMs, bytes) => {
      const count = Math.max(1, Math.ceil(bytes / PACKET_BYTES));
      for (let packet = 1; packet <= count; packet += 1) sendPacket(nowMs, packet === count);
    },
    arrivals: (nowMs) => {
      settle(nowMs);
      const told = arrived;
      arrived = 0;
      return told;
    },
    nextMs: () => packets.at(0)?.dueMs ?? null,
  };
}

/** For how long a packet is away that is lost again and again. */
function lossesOf(firstMs: number, { lostShare }: Line, random: () => number): number {
  let awayMs = 0;
  for (let losses = 0; losses < MOST_LOSSES && random() < lostShare; losses += 1) awayMs += firstMs * 2 ** losses;
  return awayMs;
}
