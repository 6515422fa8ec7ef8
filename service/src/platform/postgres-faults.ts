// What a fault of a statement or a connection says about the server. Pure.
import { DatabaseError } from "pg";

/** Connection exceptions, shutdown by an administrator or a crash, starting up, and a server that takes no writes. */
const SERVER_GOES = /^(?:08...|57P0[1-4]|25006)$/;

/**
 * The server is going, gone or no primary, and another may be one by now; nobody knows what became of the statement. With
 * any other answer of the server it is well, and has done nothing of the statement.
 */
export function castsDoubt(fault: unknown): boolean {
  return !(fault instanceof DatabaseError) || SERVER_GOES.test(fault.code ?? "");
}

/** Our own limit: the server has not said a word in time. */
export function isTimeout(fault: unknown): boolean {
  return fault instanceof Error && fault.message === "Query read timeout";
}
