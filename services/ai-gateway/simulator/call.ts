import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Stamp } from "./chat.ts";
import type { Outlet } from "./delivery.ts";
import type { Desk } from "./desk.ts";
import type { Behaviour } from "./directives.ts";
import type { ErrorObject } from "./wire-error.ts";

/** One authenticated request and what it may use. */
export interface Call {
  readonly body: Buffer;
  readonly contentType: string;
  readonly stamp: Stamp;
  readonly clock: Clock;
  /** Files, batches and videos. */
  readonly desk: Desk;
  /** Directives of the installation. */
  readonly directives: Readonly<Record<string, string>>;
  /** The behaviour of this attempt, once `times` is taken into account. */
  settle(behaviour: Behaviour): Behaviour;
  open(behaviour: Behaviour): Outlet;
  /** An error as the vendor says it. */
  toError(status: number, error: ErrorObject): object;
  /** Writes down what the call is about. */
  note(facts: { model: string; isStream: boolean; promptTokens: number }): void;
}
