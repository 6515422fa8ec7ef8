// What `sluice` answers the shell. These numbers are part of the interface: scripts depend on them.

export const EXIT = {
  ok: 0,
  failed: 1,
  /** The command line, or what it asked for, is malformed. */
  usage: 2,
  /** The other side does not accept who we are. */
  auth: 3,
  notFound: 4,
  /** The state of the other side forbids it now. */
  conflict: 5,
  /** `sluice check`: the decision was a refusal. */
  denied: 10,
  /** EX_UNAVAILABLE of sysexits.h: the service or a store cannot be reached. */
  unreachable: 69,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure the user can act on: its message says what is wrong and what to do. No stack is shown. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
