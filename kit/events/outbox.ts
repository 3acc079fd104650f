import { create, type DescMessage, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import type { Tx } from "../db/database.ts";
import { currentContext } from "../rpc/call-context.ts";
import { toTraceparent } from "../rpc/context-headers.ts";
import type { Clock } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import type { EventType, Outbox } from "./event.ts";

/** Larger payloads belong into the blob store, and a reference to them into the event. */
const dataLimitBytes = 262_144;

/**
 * The outbox of one service. `append` throws a TypeError for an event outside `publishes`, and a RangeError for one
 * whose JSON is larger than 256 KiB.
 */
export function createOutbox(options: {
  /** The service's name. */
  readonly source: string;
  readonly publishes: readonly EventType[];
  readonly clock: Clock;
  readonly random: Random;
}): Outbox {
  const { source, clock, random } = options;
  const published = new Map(options.publishes.map((event) => [event.type, event]));
  return {
    async append<Desc extends DescMessage>(tx: Tx, event: EventType<Desc>, data: MessageInitShape<Desc>) {
      if (published.get(event.type)?.schema !== event.schema) {
        throw new TypeError(`service ${source} does not declare that it publishes ${event.type}`);
      }
      const message = create(event.schema, data);
      const json = toJson(event.schema, message);
      const sizeBytes = Buffer.byteLength(JSON.stringify(json));
      if (sizeBytes > dataLimitBytes) {
        throw new RangeError(`event ${event.type} has ${sizeBytes} bytes, the limit is ${dataLimitBytes}`);
      }
      const context = currentContext();
      await tx`select event_log.append(
        ${random.id("evt")}, ${event.type}, ${source}, ${event.key(message)}, ${new Date(clock.nowMs())},
        ${tx.json(json)}, ${context ? toTraceparent(context) : ""})`;
    },
  };
}
