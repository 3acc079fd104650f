import { create, type DescMessage, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import type { Tx } from "../db/database.ts";
import { Failure } from "../errors/failure.ts";
import { currentContext, currentOperatorId } from "../rpc/call-context.ts";
import { toTraceparent } from "../rpc/context-headers.ts";
import type { Clock } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import type { EventType, Outbox, StreamAppend } from "./event.ts";
import { eventFailures } from "./event-failures.ts";

/** Larger payloads belong into the blob store, and a reference to them into the event. */
const dataLimitBytes = 262_144;
/** Keys and names of streams are indexed: PostgreSQL's limit for that is 2,704 bytes. */
const keyLimitChars = 500;

/**
 * The outbox of one service. `append` throws a TypeError for an event outside `publishes`, and a RangeError for one
 * whose JSON is larger than 256 KiB, whose key is longer than 500 characters or whose expected revision is not a whole number from 0 on.
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

  /** What the SQL functions take, from `p_id` on. */
  function toRow<Desc extends DescMessage>(event: EventType<Desc>, data: MessageInitShape<Desc>) {
    if (published.get(event.type)?.schema !== event.schema) {
      throw new TypeError(`service ${source} does not declare that it publishes ${event.type}`);
    }
    const message = create(event.schema, data);
    const json = toJson(event.schema, message);
    const sizeBytes = Buffer.byteLength(JSON.stringify(json));
    if (sizeBytes > dataLimitBytes) {
      throw new RangeError(`event ${event.type} has ${sizeBytes} bytes, the limit is ${dataLimitBytes}`);
    }
    const key = event.key(message);
    if (key.length > keyLimitChars) {
      throw new RangeError(
        `the key of event ${event.type} has ${key.length} characters, the limit is ${keyLimitChars}`,
      );
    }
    const context = currentContext();
    const traceparent = context ? toTraceparent(context) : "";
    return { type: event.type, key, time: new Date(clock.nowMs()), json, traceparent };
  }

  async function append<Desc extends DescMessage>(
    tx: Tx,
    event: EventType<Desc>,
    data: MessageInitShape<Desc>,
  ): Promise<void>;
  async function append<Desc extends DescMessage>(
    tx: Tx,
    event: EventType<Desc>,
    data: MessageInitShape<Desc>,
    options: StreamAppend,
  ): Promise<number>;
  async function append<Desc extends DescMessage>(
    tx: Tx,
    event: EventType<Desc>,
    data: MessageInitShape<Desc>,
    options?: StreamAppend,
  ): Promise<unknown> {
    const { type, key, time, json, traceparent } = toRow(event, data);
    const operator = currentOperatorId();
    // The log takes it from there (migration 0009); by itself, for it is as rare as it is worth knowing.
    if (operator !== "") await tx`select set_config('lyss.operator', ${operator}, true)`;
    const id = options?.id ?? random.id("evt");
    if (!options) {
      await tx`select event_log.append(${id}, ${type}, ${source}, ${key}, ${time}, ${tx.json(json)}, ${traceparent})`;
      return undefined;
    }
    const [row] = await tx<{ is_appended: boolean; stream_revision: bigint }[]>`
      select * from event_log.append_to_stream(
        ${options.stream ?? key}, ${toExpected(options.expectedRevision)},
        ${id}, ${type}, ${source}, ${key}, ${time}, ${tx.json(json)}, ${traceparent})`;
    const revision = Number(row?.stream_revision);
    if (!row?.is_appended) throw new Failure(eventFailures.wrong_expected_revision, { current: revision });
    return revision;
  }

  return { append };
}

function toExpected(expected: StreamAppend["expectedRevision"]): number {
  if (expected === "any") return -1;
  if (expected === "exists") return -2;
  if (expected === "none") return 0;
  if (!Number.isSafeInteger(expected) || expected < 0) throw new RangeError(`${expected} is not a revision`);
  return expected;
}
