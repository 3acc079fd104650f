import type { Call } from "./call.ts";
import { sendJson, sendSimulatedError, waitAsAsked } from "./delivery.ts";
import { parseBehaviour } from "./directives.ts";
import { getModelOf } from "./endpoints.ts";
import { readMediaForm } from "./media.ts";
import { parseJsonObject } from "./requests.ts";
import { seededHex } from "./seeded.ts";
import { badRequest, WireError } from "./wire-error.ts";

const place = /^(GET|POST|DELETE) \/v1\/videos(?:\/([^/]{1,100})(\/content)?)?$/;
const usualMs = 1_000;
const lengths = new Set(["4", "8", "12"]);

/** What stands at a method and path of `/v1/videos`; undefined where nothing does. */
export function findVideoEndpoint(key: string): ((call: Call) => Promise<void>) | undefined {
  const [, method, id, verb = ""] = place.exec(key) ?? [];
  const name = `${method}${id === undefined ? "" : " {id}"}${verb}`;
  const serve = Object.hasOwn(served, name) ? served[name] : undefined;
  return serve && ((call) => serve(call, id ?? ""));
}

const served: Readonly<Record<string, (call: Call, id: string) => Promise<void>>> = {
  POST: create,
  GET: (call) => {
    const data = call.desk.videos.list(call.clock.nowMs());
    const [first_id = null, last_id = null] = [data[0]?.id, data.at(-1)?.id];
    return sendJson(call.open({}), 200, { object: "list", data, first_id, last_id, has_more: false });
  },
  "GET {id}": (call, id) => sendJson(call.open({}), 200, call.desk.videos.get(id, call.clock.nowMs())),
  async "DELETE {id}"(call, id) {
    call.desk.videos.remove(id);
    await sendJson(call.open({}), 200, { id, object: "video.deleted", deleted: true });
  },
  async "GET {id}/content"(call, id) {
    const { status, prompt, size, seconds } = call.desk.videos.get(id, call.clock.nowMs());
    if (status !== "completed") throw new WireError(404, "Video is not ready yet.");
    call
      .open({})
      .res.writeHead(200, { "content-type": "video/mp4" })
      .end(createFilm(`${prompt}\n${size}\n${seconds}`));
  },
};

async function create(call: Call): Promise<void> {
  const isForm = call.contentType.startsWith("multipart/");
  const fields: Readonly<Record<string, unknown>> = isForm
    ? readMediaForm(call).fields
    : { ...parseJsonObject(call.body) };
  const model = getModelOf(fields, "video");
  const { prompt, seconds = "4", size = "720x1280" } = fields;
  if (typeof prompt !== "string" || prompt === "") throw badRequest("prompt", "Missing required parameter: 'prompt'.");
  if (typeof seconds !== "string" || !lengths.has(seconds)) {
    throw badRequest("seconds", "Invalid value: supported values are '4', '8', and '12'.");
  }
  const sizes = (model.videoPrices ?? []).map((one) => one.size);
  if (typeof size !== "string" || !sizes.includes(size)) throw badRequest("size", `Supported values are: ${sizes}.`);
  const behaviour = call.settle(parseBehaviour(call.directives, prompt, {}));
  call.note({ model: model.name, isStream: false, promptTokens: 0 });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (behaviour.error) return sendSimulatedError(outlet, behaviour.error);
  const { video_ms: takesMs = usualMs, video_end: endsAs = "completed" } = behaviour;
  const asked = { model: model.name, prompt, seconds, size };
  const entry = { asked, startedAtMs: call.clock.nowMs(), takesMs, endsAs };
  await sendJson(outlet, 200, call.desk.videos.create(`video_${call.stamp.id}`, entry));
}

/** The head of an MP4 file (ISO/IEC 14496-12) and a free box with bytes that follow from what was asked. */
function createFilm(seed: string): Buffer {
  const box = (type: string, content: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(8 + content.length);
    return Buffer.concat([length, Buffer.from(type), content]);
  };
  const brand = Buffer.from("isom\0\0\0\x01isommp41", "latin1");
  return Buffer.concat([box("ftyp", brand), box("free", Buffer.from(seededHex(seed, 64)))]);
}
