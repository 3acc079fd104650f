import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import { toCallFailure, toStatusFailure } from "../call/send-upstream.ts";
import { pathAt, type Target } from "../model.ts";
import { wires } from "../providers/wires.ts";
import { markName, type UpstreamBatches } from "./account-batches.ts";
import {
  type AccountDeps,
  createAccountClient,
  maxAnswerBytes,
  parseAnswer,
  readId,
  toBatchRefusal,
  toJsonBody,
} from "./account-client.ts";
import { readAnswerLine } from "./answer-line.ts";
import { cutLines } from "./cut-lines.ts";
import type { DiskFile } from "./disk-file.ts";
import { findByMark } from "./find-by-mark.ts";

const guard = createAddressGuard();

/** Batches of OpenAI's own form, and the files that they are made of. */
export interface FileBatches extends UpstreamBatches {
  /** Sends a file piece by piece, of requests unless its purpose is another; gives its id there. */
  uploadFile(file: DiskFile, fileName: string, purpose?: "fine-tune"): Promise<string>;
  /** The content of a file, to be read once. */
  openContent(id: string): Promise<Answer>;
}

/** `target` names the account, and the model for failures. */
export function createFileBatches(deps: AccountDeps, target: Target): FileBatches {
  const { provider } = target;
  const { credentials, policies } = deps;
  const policy = policies.policyOf(provider);
  const { open, ask } = createAccountClient(deps, target);

  const openContent = (id: string) => open({ method: "GET", endpoint: `/files/${encodeURIComponent(id)}/content` });
  return {
    isFindable: true,
    openContent,
    async *answers(fileId) {
      const { body } = await openContent(fileId);
      for await (const { bytes } of cutLines(body, deps.settings.maxResponseBytes)) {
        const line = readAnswerLine(bytes);
        if (line) yield line;
      }
    },
    async uploadFile(file, fileName, purpose) {
      policy.breaker()?.throwIfOpen();
      const secret = await credentials.secretOf(provider);
      try {
        const { status, body } = await sendForm(deps, target, secret, { file, fileName, purpose });
        if (status !== 200) {
          throw toStatusFailure(deps, target, { status, find: () => undefined }, body);
        }
        return readId(target, parseAnswer(target, body));
      } catch (err) {
        throw toBatchRefusal(toCallFailure(deps, target, err, undefined), target, file.size);
      }
    },
    async removeFile(id) {
      await ask({ method: "DELETE", endpoint: `/files/${encodeURIComponent(id)}`, accepted: [404] });
    },
    create: ({ fileId, endpoint, mark }) =>
      ask({
        ...{ method: "POST", endpoint: "/batches" },
        body: toJsonBody({
          ...{ input_file_id: fileId, endpoint, completion_window: "24h" },
          metadata: { [markName]: mark },
        }),
      }),
    get: (id) => ask({ method: "GET", endpoint: `/batches/${encodeURIComponent(id)}` }),
    async cancel(id) {
      await ask({
        ...{ method: "POST", endpoint: `/batches/${encodeURIComponent(id)}/cancel` },
        accepted: [400, 404, 409],
      });
    },
    findByMark: (mark) => findByMark(ask, "/batches", { name: markName, mark }),
  };
}

interface FormToSend {
  readonly file: DiskFile;
  readonly fileName: string;
  readonly purpose: "batch" | "fine-tune" | undefined;
}

/** The pools send what lies in memory: a file takes a connection of its own, checked as theirs are. */
async function sendForm(
  { settings, random }: AccountDeps,
  { provider }: Target,
  secret: string,
  { file, fileName, purpose = "batch" }: FormToSend,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  const url = new URL(provider.baseUrl);
  url.pathname = pathAt(provider, "/files");
  const boundary = random.id("lyss");
  const head = Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n${purpose}\r\n` +
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${fileName}"\r\n` +
      "content-type: application/jsonl\r\n\r\n",
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const isForeign = provider.source === "tenant";
  const refusal = isForeign ? guard.refuse(url) : undefined;
  if (refusal) throw new Error(refusal.en_US);
  const outgoing = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method: "POST",
    agent: false,
    timeout: settings.idleTimeoutMs,
    ...(isForeign && { lookup: guard.lookup }),
    headers: {
      ...wires[provider.dialect].toHeaders(secret),
      ...{ accept: "application/json", "user-agent": "lyss", "accept-encoding": "identity", connection: "close" },
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": head.length + file.size + tail.length,
    },
  });
  outgoing.once("timeout", () => outgoing.destroy(new Error("a provider is silent while a file is sent to it")));
  const answered = new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      const pieces: Buffer[] = [];
      let size = 0;
      answer.on("data", (piece: Buffer) => {
        size += piece.length;
        if (size > maxAnswerBytes) outgoing.destroy(new Error("the answer to a file is too long"));
        else pieces.push(piece);
      });
      answer.once("error", reject);
      answer.once("end", () => resolve({ status: answer.statusCode ?? 502, body: Buffer.concat(pieces) }));
    });
  });
  async function* form() {
    yield head;
    yield* file.pieces(0, file.size);
    yield tail;
  }
  // A provider may refuse a file before it has all of it: then its answer counts, not that the rest could not be sent.
  const sent = pipeline(Readable.from(form()), outgoing).then(() => answered);
  return Promise.race([answered, sent]);
}
