// What a fault is: data and the few steps that only it knows. One file each in faults/, listed in faults/list.ts.
//
// A run of it: a stack of its own, a load at one rate throughout, a baseline, `inflict`, a while, `mend`, a while.
// Not here: running it (run.ts), or what the figures mean (check/).
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import type { ServiceInstance } from "../../../stack/src/service-instance.ts";
import type { RunningStack, StackOptions } from "../../../stack/src/stack.ts";
import type { ClockMove } from "../check/clock-moves.ts";
import type { Figures } from "../check/figures.ts";
import type { CastMember } from "../load/cast.ts";

export type FigureName = keyof Figures;

/** What steps of a fault work with. */
export type World = Readonly<{
  stack: RunningStack;
  cast: readonly CastMember[];
  /** Checks of the load. */
  perSecond: number;
  /** The ids of the tenants whose slots this node owns now. */
  tenantsOf: (master: RedisServer) => Promise<readonly string[]>;
  /** A second load beside the first, on some tenants only; it ends with the run. The checker reads its journal, too. */
  moreLoad: (perSecond: number, tenants: readonly string[]) => Promise<void>;
  /** SIGKILL. What only its Fallback knew may go with it, and is accounted for. */
  killInstance: (instance: ServiceInstance) => Promise<void>;
  /** Says that the clock which counts for these tenants was moved. In the order of time. */
  clockMoved: (move: ClockMove) => void;
  pause: (milliseconds: number) => Promise<void>;
  /** Puts a figure that only this fault has into the report. */
  tell: (name: string, value: number) => void;
  /** At the end of the run, whatever happened. */
  atEnd: (undo: () => Promise<void>) => void;
}>;

/** `figure` may be one that the fault itself tells. A figure that is missing breaks its expectation. */
export type Expectation = Readonly<{ figure: FigureName | (string & {}); why: string } & Bound>;
/** Of every run; `medianAtMost` beside it, of all runs together. */
type Bound = Readonly<{ atMost: number; medianAtMost?: number }> | Readonly<{ atLeast: number }>;

export type FaultId = `F${number}` | `F${number}${"a" | "b" | "c" | "d"}`;

export type Fault = Readonly<{
  /** As in the fault matrix. */
  id: FaultId;
  /** Short, as a heading says it. */
  name: string;
  /** How it is made, and what must happen. */
  about: string;
  stack?: StackOptions;
  /** Of the load; that of the lab when absent. */
  perSecond?: number;
  /** From inflicting to mending, and from there to the end. */
  faultMs: number;
  recoveryMs: number;
  /** Before the load begins. */
  prepare?: (world: World) => Promise<void>;
  /** The tenants it strikes, to whom recovery belongs. Resolves when the fault is there. */
  inflict: (world: World) => Promise<readonly string[]>;
  /** Absent: nothing is mended, the system must get by. */
  mend?: (world: World) => Promise<void>;
  /** Once the load has ended: a last look. */
  inspect?: (world: World) => Promise<void>;
  /** Compares the journal with the usage in PostgreSQL, after the load. */
  usage?: boolean;
  expectations: readonly Expectation[];
}>;
