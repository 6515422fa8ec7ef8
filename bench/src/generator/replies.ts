// Counts replies, and notices those that are not what the bench means to measure: a refusal or a Fallback's answer.

const SAMPLE_BYTES = 600;
/** The first byte of an error reply of Redis; HTTP never begins with it. */
const RESP_ERROR = 0x2d;

export class ReplyCount {
  completed = 0;
  unexpected = 0;
  sample = "";
  readonly #expected: Buffer;

  constructor(expected: string) {
    this.#expected = Buffer.from(expected, "latin1");
  }

  count(reply: Buffer): void {
    this.completed += 1;
    if (reply.includes(this.#expected) && reply[0] !== RESP_ERROR) return;
    this.unexpected += 1;
    if (this.sample === "") this.sample = reply.toString("latin1", 0, SAMPLE_BYTES);
  }

  result() {
    return { completed: this.completed, unexpected: this.unexpected, sample: this.sample };
  }
}
