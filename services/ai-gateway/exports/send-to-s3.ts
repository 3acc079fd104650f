import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { encodeSegment, signRequest } from "../providers/bedrock/sign-request.ts";
import type { Batch, SenderDeps } from "./batch.ts";
import type { ExportSpec } from "./export.ts";
import { checkStatus } from "./export-error.ts";

const zip = promisify(gzip);

/**
 * One object of JSON lines, gzipped, under the hour in which its first record was recorded. Its name is that of the first record, so that a
 * repeat writes over it.
 */
export async function sendToS3(
  { fetch, clock }: SenderDeps,
  spec: Extract<ExportSpec, { kind: "s3" }>,
  secretAccessKey: string,
  { records, name }: Batch,
): Promise<{ readonly rejected: number }> {
  const { endpoint, region, bucket, prefix, access_key_id: accessKeyId } = spec;
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  const body = await zip(lines);
  const hour = (records[0]?.created_at ?? new Date(clock.nowMs()).toISOString()).slice(0, 13).replace(/[-T]/g, "/");
  const base = new URL(endpoint);
  const key = [...prefix.split("/"), ...hour.split("/"), `${name}.jsonl.gz`].filter((it) => it !== "");
  const path = `${base.pathname.replace(/\/$/, "")}/${[bucket, ...key].map(encodeSegment).join("/")}`;
  const sent = { method: "PUT", authority: base.host, path, body, nowMs: clock.nowMs() };
  const hash = createHash("sha256").update(body).digest("hex");
  const headers = signRequest(
    sent,
    { accessKeyId, secretAccessKey },
    { region, service: "s3" },
    {
      ...{ "content-type": "application/gzip", "x-amz-content-sha256": hash },
    },
  );
  const answer = await fetch(new URL(path, base), { method: "PUT", headers, body });
  const code = answer.ok ? undefined : /<Code>([^<]*)<\/Code>/.exec(await answer.text())?.[1];
  checkStatus(answer.status, code);
  return { rejected: 0 };
}
