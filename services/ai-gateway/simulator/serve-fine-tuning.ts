import type { Call } from "./call.ts";
import { sendJson } from "./delivery.ts";
import { parseJsonObject } from "./requests.ts";

const place = /^(GET|POST) \/v1\/fine_tuning\/jobs(?:\/([^/]{1,100})(?:\/(cancel|pause|resume|events|checkpoints))?)?$/;

/** What stands at a method and path of `/v1/fine_tuning/jobs`; undefined where nothing does. */
export function findTuningEndpoint(key: string, query: string): ((call: Call) => Promise<void>) | undefined {
  const [, method, id, verb] = place.exec(key) ?? [];
  if (method === undefined) return undefined;
  const isList = verb === "events" || verb === "checkpoints";
  if (method === "POST") {
    if (id === undefined) {
      return (call) =>
        answer(call, call.desk.tuning.create(parseJsonObject(call.body), call.stamp.id, call.clock.nowMs()));
    }
    if (verb === undefined || isList) return undefined;
    return (call) => answer(call, call.desk.tuning.act(id, verb, call.clock.nowMs()));
  }
  if (id === undefined) return (call) => answer(call, toPage(call.desk.tuning.list(call.clock.nowMs()), query));
  if (verb === undefined) return (call) => answer(call, call.desk.tuning.get(id, call.clock.nowMs()));
  return isList ? (call) => answer(call, toPage(call.desk.tuning[verb](id, call.clock.nowMs()), query)) : undefined;
}

function toPage(all: readonly { readonly id: string }[], query: string) {
  const params = new URLSearchParams(query);
  const limit = Number(params.get("limit") ?? 20);
  const from = all.findIndex(({ id }) => id === params.get("after")) + 1;
  return { object: "list", data: all.slice(from, from + limit), has_more: from + limit < all.length };
}

async function answer(call: Call, body: object): Promise<void> {
  await sendJson(call.open({}), 200, body);
}
