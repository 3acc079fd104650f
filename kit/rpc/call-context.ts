import { AsyncLocalStorage } from "node:async_hooks";
import type { Locale } from "../errors/failure.ts";
import type { TracerOf } from "../observability/span.ts";
import type { Priority } from "../resilience/load-shed.ts";

/** On whose behalf a call is made. Set once by the edge's guard and carried through every hop. */
export interface Caller {
  readonly tenantId: string;
  /** Empty for a key that belongs to no person; of a service client its own id. */
  readonly userId: string;
  /** Of the API key or service client by which a program calls; empty for a person who is signed in. */
  readonly keyId: string;
  /** Of what stands for the key for a short while, where the call came with that; absent otherwise. */
  readonly ephemeralKeyId?: string | undefined;
  /** What a person, or a service client, was let in with; empty for a key. */
  readonly sessionId: string;
  /** When the person signed in, in milliseconds since the Unix epoch; 0 for a key. */
  readonly signedInMs: number;
  /** When the person last showed a second factor; 0 when none was shown, and for a key. */
  readonly factorMs: number;
  /** When the person last proved who they are by the strongest means that they have; 0 when that is to be done again, and for a key. */
  readonly provenMs: number;
  /** Whether the person has a second factor; false for a key. */
  readonly hasFactor: boolean;
  /** The operator who acts in the person's name; empty for everybody who acts in their own. */
  readonly operatorId: string;
  /** `resource:action`; `*` stands for any resource or any action. */
  readonly permissions: readonly string[];
  /** Model names the key may use; empty means all. */
  readonly models: readonly string[];
}

/** Of a caller that is not a person who signed in. */
export const noSession = {
  ...{ sessionId: "", signedInMs: 0, factorMs: 0, provenMs: 0, hasFactor: false, operatorId: "" },
} as const;

/** What travels with a call besides its message. */
export interface CallContext {
  /** W3C trace id, 32 hex digits. */
  readonly traceId: string;
  /** W3C id of the span in which we are, 16 hex digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly caller: Caller | undefined;
  /** Monotonic milliseconds of this process by which the answer is due. */
  readonly deadlineMs: number | undefined;
  readonly locale: Locale;
  /** What the client knows its request by; absent in work that no client asked for. */
  readonly requestId?: string | undefined;
  /** Which attempt of a retry this is part of, from 0; whoever sees one repeats nothing itself. */
  readonly retryAttempt?: number | undefined;
  /** In what follows from an event: the operator in whose act in somebody's name it began. */
  readonly operatorId?: string | undefined;
  /** What it is for where calls wait for one another; `interactive` unless given. Stays in this process. */
  readonly priority?: Priority | undefined;
  /** By which a client tells a repeat of this call from a new one. Stays in this process, and ends with the call. */
  readonly idempotencyKey?: string | undefined;
  /** Records what happens in this call; absent unless traces are wanted. Stays in this process. */
  readonly tracer?: TracerOf<CallContext> | undefined;
}

const storage = new AsyncLocalStorage<CallContext | undefined>();

/** The context of the call being served, or undefined outside any call. */
export function currentContext(): CallContext | undefined {
  return storage.getStore();
}

/** On whose behalf the call is made: a person, or a key that belongs to none. Empty for the platform itself. */
export function currentActorId(): string {
  const caller = currentContext()?.caller;
  return caller?.userId || caller?.keyId || "";
}

/** The operator who acts in somebody's name, or did in what this follows from; empty for everybody else. */
export function currentOperatorId(): string {
  const context = currentContext();
  return context?.caller?.operatorId || context?.operatorId || "";
}

/** Runs `work` inside `context`. `undefined` leaves any outer context: a callee never sees its caller's by accident. */
export function runInContext<T>(context: CallContext | undefined, work: () => T): T {
  return storage.run(context, work);
}

/**
 * Runs `work` with no async-local state at all, ours or anyone's. In one process a callee would otherwise inherit its
 * caller's; over the wire it cannot.
 */
export const runDetached: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();

/** What belongs to no tenant but to those who operate the installation. */
const platformResource = "platform";

/**
 * True when a held permission covers the wanted one: equal, `*`, `resource:*` or `*:action`. What concerns the platform is
 * covered by `platform:*` and by its own name alone: the owner of a tenant holds `*`, and operates nothing.
 */
export function permits(held: readonly string[], wanted: string): boolean {
  const isPlatform = wanted === platformResource || wanted.startsWith(`${platformResource}:`);
  // Most hold it by its name, or all: nothing has to be taken apart for them, of which there is one for each request.
  if (held.includes(wanted) || (!isPlatform && held.includes("*"))) return true;
  const [resource, action] = wanted.split(":");
  return held.some((permission) => {
    if (permission === "*") return false;
    const [heldResource, heldAction] = permission.split(":");
    const coversResource = heldResource === resource || (heldResource === "*" && !isPlatform);
    return coversResource && (heldAction === "*" || heldAction === action);
  });
}
