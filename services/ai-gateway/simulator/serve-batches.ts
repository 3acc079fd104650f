import { toBatchRequest, toJob } from "./batch-jobs.ts";
import type { AnswerLine } from "./batches.ts";
import type { Call } from "./call.ts";
import { sendJson } from "./delivery.ts";
import { toFileObject } from "./files.ts";
import { readMediaForm } from "./media.ts";
import { parseJsonObject } from "./requests.ts";
import { badRequest, WireError } from "./wire-error.ts";

const maxFileBytes = 4_194_304;
const place = /^(GET|POST|DELETE) \/v1\/(files|batches|batch\/jobs)(?:\/([^/]{1,100})(?:\/(content|cancel))?)?$/;

/** What stands at a method and path of `/v1/files`, `/v1/batches` and `/v1/batch/jobs`; undefined where nothing does. */
export function findDeskEndpoint(key: string): ((call: Call) => Promise<void>) | undefined {
  const [, method, kind, id, verb] = place.exec(key) ?? [];
  if (method === undefined) return undefined;
  const name = `${method} ${kind}${id === undefined ? "" : "/{id}"}${verb === undefined ? "" : `/${verb}`}`;
  const serve = Object.hasOwn(served, name) ? served[name] : undefined;
  return serve && ((call) => serve(call, id ?? ""));
}

const served: Readonly<Record<string, (call: Call, id: string) => Promise<void>>> = {
  async "POST files"(call) {
    const { fields, files } = readMediaForm(call);
    const [bytes] = files;
    if (!bytes) throw badRequest("file", "'file' is a required property");
    // Read at one go, in a process that may serve calls.
    if (bytes.length > maxFileBytes) throw new WireError(413, `Simulated files are at most ${maxFileBytes} bytes.`);
    const { purpose } = fields;
    if (purpose !== "batch" && purpose !== "fine-tune") {
      throw badRequest("purpose", "Simulated files are for batches and fine-tuning: purpose must be one of these.");
    }
    const name = String(fields["filename"] ?? "batch.jsonl");
    await answer(call, toFileObject(call.desk.files.add({ name, purpose, bytes }, call.stamp.created)));
  },
  "GET files": (call) => answer(call, toList(call.desk.files.list().map(toFileObject))),
  "GET files/{id}": (call, id) => answer(call, toFileObject(call.desk.files.get(id))),
  async "GET files/{id}/content"(call, id) {
    const { bytes } = call.desk.files.get(id);
    call.open({}).res.writeHead(200, { "content-type": "application/octet-stream" }).end(bytes);
  },
  async "DELETE files/{id}"(call, id) {
    call.desk.files.remove(id);
    await answer(call, { id, object: "file", deleted: true });
  },
  "POST batches": (call) =>
    answer(call, call.desk.batches.create(parseJsonObject(call.body), call.stamp.id, nowMs(call))),
  "GET batches": (call) => answer(call, toList(call.desk.batches.list())),
  async "GET batches/{id}"(call, id) {
    await answer(call, await call.desk.batches.get(id, nowMs(call)));
  },
  async "POST batches/{id}/cancel"(call, id) {
    await answer(call, await call.desk.batches.cancel(id, nowMs(call)));
  },
  async "POST batch/jobs"(call) {
    const asked = toBatchRequest(parseJsonObject(call.body));
    await answer(call, toJob(call.desk.batches.create(asked, call.stamp.id, nowMs(call))));
  },
  async "GET batch/jobs"(call) {
    const data = call.desk.batches.list().map(toJob);
    await answer(call, { object: "list", data, total: data.length });
  },
  async "GET batch/jobs/{id}"(call, id) {
    await answer(call, toJob(await call.desk.batches.get(id, nowMs(call))));
  },
  async "POST batch/jobs/{id}/cancel"(call, id) {
    await answer(call, toJob(await call.desk.batches.cancel(id, nowMs(call))));
  },
};

/** Lines are requests to the same provider, so that they are answered, refused and counted as any other. */
export function answerByRequest(urlOf: () => string, apiKey: string): AnswerLine {
  return async (endpoint, body) => {
    const res = await fetch(urlOf() + endpoint, {
      method: "POST",
      headers: {
        ...{ authorization: `Bearer ${apiKey}`, "x-api-key": apiKey, "x-goog-api-key": apiKey },
        ...{ "anthropic-version": "2023-06-01", "content-type": "application/json" },
      },
      body,
    });
    return { status: res.status, body: await res.json() };
  };
}

function nowMs({ clock }: Call): number {
  return clock.nowMs();
}

function toList(data: readonly { readonly id: string }[]) {
  const [first_id = null, last_id = null] = [data[0]?.id, data.at(-1)?.id];
  return { object: "list", data, first_id, last_id, has_more: false };
}

async function answer(call: Call, body: object): Promise<void> {
  await sendJson(call.open({}), 200, body);
}
