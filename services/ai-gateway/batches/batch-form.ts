import { refuseField } from "../call/refuse-field.ts";
import type { ParameterDialect } from "../call-defaults/parameters.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import type { Fields } from "../dialects/request-fields.ts";
import type { BatchDialect } from "./batch-row.ts";
import type { BatchEndpoint } from "./request-line.ts";

/** A request of a batch as its caller has written it. */
export interface BatchedRequest {
  /** By which its answer is known. */
  readonly customId: string;
  /** Where its own fields stand within it, for what is said of them. */
  readonly place: string;
  readonly model: string;
  readonly body: Buffer;
  /** What of it decides how its answer is written, for then the request is gone; undefined for nothing. */
  readonly kept: Fields | undefined;
}

/** How callers of a dialect write a batch that brings its requests along. Without state. */
export interface BatchForm {
  readonly dialect: BatchDialect;
  /** What is asked, as files of requests name it. */
  readonly endpoint: BatchEndpoint;
  /** Whose parameters that are said for a key are filled in; undefined where there are none. */
  readonly parameters: ParameterDialect | undefined;
  /** Where the list of requests stands in the body. */
  readonly path: readonly string[];
  /** What stands beside the list; gives what is to be kept of it. Throws `invalid_request`. */
  readRest(rest: Fields): Readonly<Record<string, string>> | null;
  /** The item at `index`. Throws `invalid_json` and `invalid_request`. */
  readItem(item: Buffer, index: number): BatchedRequest;
  /** Throws `invalid_request` for what is no request. */
  ask(request: Pick<BatchedRequest, "model" | "body">): AskedCall;
  /** A request whose answer is written as that of the one of which `kept` was kept. */
  askAgain(model: string, kept: Fields): AskedCall;
}

/** Fields of ours that mean something else, or nothing, where no call is made. */
export function refuseOurs(fields: Fields): void {
  for (const name of ["provider", "prompt"]) {
    if (fields[name] !== undefined) throw refuseField(name, "has no place in a batch", "在批处理中不可用");
  }
}
