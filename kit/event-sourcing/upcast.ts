import type { JsonValue } from "@bufbuild/protobuf";
import type { EventType, ReceivedEvent } from "../events/event.ts";
import { decodeEvent, type LoggedEvent } from "../events/event-reader.ts";

/** Turns the payload (protobuf JSON) of a former event type into that of a later one. */
export type Upcaster = (data: JsonValue) => { readonly type: string; readonly data: JsonValue };

/** Upcasters by the name of the former type. */
export type Upcasters = Readonly<Record<string, Upcaster>>;

/** A chain of upcasters that is longer goes in circles. */
const upcastLimit = 32;

/** An event of the log as one of today's types. Throws an Error for a type that neither is current nor has an upcaster. */
export function decodeStored(row: LoggedEvent, events: readonly EventType[], upcasters: Upcasters): ReceivedEvent {
  let { type, data } = row;
  for (let step = 0; step < upcastLimit; step++) {
    const event = events.find((one) => one.type === type);
    if (event) return decodeEvent({ ...row, type, data }, event);
    const upcast = Object.hasOwn(upcasters, type) ? upcasters[type] : undefined;
    if (!upcast) throw new Error(`nothing here knows the event ${type} (${row.id})`);
    ({ type, data } = upcast(data));
  }
  throw new Error(`the upcasters turn ${row.type} in circles`);
}
