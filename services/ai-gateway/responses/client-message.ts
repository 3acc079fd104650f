import { parseBody } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { setFields, withoutField } from "../dialects/openai/json-fields.ts";
import { readFlag, readOptional, readText } from "../dialects/request-fields.ts";

/** What a client asks for in one message. */
export interface ClientMessage {
  /** What `POST /v1/responses` would be sent for the same, streamed; everything that is not the connection's stays byte for byte. */
  readonly body: Buffer;
  /** False where nothing is to be answered: what it holds is remembered, to be gone on from. */
  readonly isGenerated: boolean;
}

const ofConnection = ["type", "stream_id", "generate", "stream"];
const maxStreamIdLength = 200;

/** What a client calls the stream that its message belongs to; undefined for none, and where it cannot be read. */
export function findStreamId(bytes: Buffer): string | undefined {
  try {
    const { stream_id: streamId } = parseBody(bytes);
    return typeof streamId === "string" && streamId.length <= maxStreamIdLength ? streamId : undefined;
  } catch {
    return undefined;
  }
}

/** Throws `invalid_json`, and `invalid_request` naming the field. */
export function readClientMessage(bytes: Buffer): ClientMessage {
  const json = parseBody(bytes);
  if (json["type"] !== "response.create") {
    throw refuseField("type", "must be response.create", "必须是 response.create");
  }
  const streamId = readOptional(json["stream_id"], "stream_id", readText);
  if (streamId !== undefined && streamId.length > maxStreamIdLength) {
    throw refuseField("stream_id", `may have ${maxStreamIdLength} characters`, `最多可有 ${maxStreamIdLength} 个字符`);
  }
  if (readOptional(json["background"], "background", readFlag)) {
    throw refuseField(
      "background",
      "must not be true on a connection; POST /v1/responses takes it",
      "在连接上不能为 true；请使用 POST /v1/responses",
    );
  }
  const isGenerated = readOptional(json["generate"], "generate", readFlag) ?? true;
  const body = ofConnection.reduce<Buffer>((left, name) => {
    const rest = withoutField(left, name);
    if (!rest) throw refuseField(name, "may stand only once", "只能出现一次");
    return rest;
  }, bytes);
  return {
    body: Object.keys(json).every((name) => ofConnection.includes(name)) ? onlyStreamed : streamed(body),
    isGenerated,
  };
}

const onlyStreamed = Buffer.from('{"stream":true}');

function streamed(body: Buffer): Buffer {
  return setFields(body, new Map(), new Map([["stream", "true"]]));
}
