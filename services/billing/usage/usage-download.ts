import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { z } from "zod";
import type { UsageRow } from "../model.ts";
import type { BillingOps } from "../ops.ts";
import { toUsageBody } from "./usage-body.ts";
import { csvHeader, toCsvLine } from "./usage-csv.ts";
import type { UsageFilter } from "./usage-store.ts";

export type ExportFormat = "csv" | "jsonl";

/** What is asked for. */
export interface ExportRequest {
  readonly format: ExportFormat;
  readonly filter: UsageFilter;
}

const contentTypes: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  jsonl: "application/jsonl; charset=utf-8",
};

/**
 * Sends an export as it is read, as fast as the client takes it, with gzip if the client takes that. Throws before the first
 * byte what `toRequest` throws, and `kit.invalid_request` for a query that does not fit; a failure after that cuts the
 * connection, so that no part is taken for the whole.
 */
export async function sendExport<Query extends z.ZodType>(
  ops: Pick<BillingOps, "exportUsage">,
  { req, res }: Exchange,
  query: Query,
  toRequest: (asked: z.output<Query>) => ExportRequest,
): Promise<void> {
  const { searchParams } = new URL(req.url ?? "/", "http://export");
  const { format, filter } = toRequest(parseInput(query, Object.fromEntries(searchParams), "query"));
  const pages = ops.exportUsage(filter);
  const first = await pages.next();
  const isZipped = takesGzip(req);
  res.writeHead(200, {
    "content-type": contentTypes[format],
    "content-disposition": `attachment; filename="usage.${format}"`,
    "cache-control": "no-store",
    vary: "accept-encoding",
    ...(isZipped && { "content-encoding": "gzip" }),
  });
  const lines = Readable.from(toText(format, first, pages), { objectMode: false });
  try {
    await (isZipped ? pipeline(lines, createGzip(), res) : pipeline(lines, res));
  } catch (err) {
    // Who leaves in the middle has no answer to be told what went wrong.
    if (!(err instanceof Error && "code" in err && err.code === "ERR_STREAM_PREMATURE_CLOSE")) throw err;
  }
}

async function* toText(
  format: ExportFormat,
  first: IteratorResult<readonly UsageRow[], void>,
  pages: AsyncGenerator<readonly UsageRow[], void>,
): AsyncGenerator<string> {
  if (format === "csv") yield csvHeader;
  const toLine = format === "csv" ? toCsvLine : toJsonLine;
  for (let page = first; !page.done; page = await pages.next()) {
    yield page.value.map((row) => toLine(toUsageBody(row))).join("");
  }
}

function toJsonLine(record: object): string {
  return `${JSON.stringify(record)}\n`;
}

function takesGzip({ headers }: IncomingMessage): boolean {
  const encodings = String(headers["accept-encoding"] ?? "").slice(0, 256);
  return encodings.split(",").some((encoding) => /^\s*gzip\s*(;\s*q=(1|0\.\d*[1-9])\S*)?\s*$/i.test(encoding));
}
