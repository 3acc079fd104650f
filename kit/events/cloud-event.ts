import type { JsonValue } from "@bufbuild/protobuf";
import type { LoggedEvent } from "./event-reader.ts";

/** An event in the JSON format of CloudEvents 1.0, with our extensions. */
export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: JsonValue;
  readonly partitionkey: string;
  /** Its number in the log. */
  readonly sequence: string;
  readonly traceparent?: string;
  readonly stream?: string;
  readonly revision?: string;
  readonly operator?: string;
}

/** The same attributes as over NATS. Those without a value are absent, as the standard asks. */
export function toCloudEvent(row: LoggedEvent): CloudEvent {
  const { id, source, type, time, data, key, seq, traceparent, stream, revision, operator } = row;
  return {
    ...{ specversion: "1.0", id, source, type, time: time.toISOString() },
    ...{ datacontenttype: "application/json", data, partitionkey: key, sequence: String(seq) },
    ...(traceparent !== "" && { traceparent }),
    ...(operator !== "" && { operator }),
    ...(stream !== null && { stream, revision: String(revision) }),
  };
}
