import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { Decimal, toCsv } from "@lyss/kit/http/csv.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { z } from "zod";
import { type ProvenEntryBody, toProvenBody } from "./bodies.ts";
import type { EntryFilter, ProvenEntry } from "./model.ts";
import type { AuditOps } from "./ops.ts";

export type ExportFormat = "jsonl" | "csv";

const contentTypes: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  jsonl: "application/jsonl; charset=utf-8",
};

const csvColumns = [
  ...(["id", "tenant_id", "sequence", "act", "actor_id", "operator_id", "subject_kind", "subject_id"] as const),
  ...(["client_address", "happened_at", "recorded_at", "details", "event_id", "digest", "address_salt"] as const),
  ...(["address_digest", "previous_digest", "seal"] as const),
] as const satisfies readonly (keyof ProvenEntryBody)[];

/**
 * Sends matching entries as they are read, as fast as the client takes them. Throws before the first byte
 * `kit.invalid_request` for a query that does not fit; a failure after that cuts the connection, so that no part is taken for
 * the whole.
 */
export async function sendExport<Query extends z.ZodType>(
  ops: Pick<AuditOps, "exportAuditEntries">,
  { req, res }: Exchange,
  query: Query,
  toRequest: (asked: z.output<Query>) => { readonly format: ExportFormat; readonly filter: EntryFilter },
): Promise<void> {
  const { format, filter } = toRequest(parseInput(query, readQuery(req.url ?? "/"), "query"));
  const pages = ops.exportAuditEntries(filter);
  const first = await pages.next();
  res.writeHead(200, {
    "content-type": contentTypes[format],
    "content-disposition": `attachment; filename="audit.${format}"`,
    "cache-control": "no-store",
  });
  try {
    await pipeline(Readable.from(toText(format, first, pages), { objectMode: false }), res);
  } catch (err) {
    // Who leaves in the middle has no answer to be told what went wrong.
    if (!(err instanceof Error && "code" in err && err.code === "ERR_STREAM_PREMATURE_CLOSE")) throw err;
  }
}

/** A name that is given several times is a list. */
function readQuery(url: string): Record<string, string | readonly string[]> {
  const { searchParams } = new URL(url, "http://export");
  const names = [...new Set(searchParams.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = searchParams.getAll(name);
      return [name, values.length === 1 ? String(values[0]) : values];
    }),
  );
}

async function* toText(
  format: ExportFormat,
  first: IteratorResult<readonly ProvenEntry[], void>,
  pages: AsyncGenerator<readonly ProvenEntry[], void>,
): AsyncGenerator<string> {
  if (format === "csv") yield toCsv([csvColumns]);
  const toLine = format === "csv" ? toCsvLine : (body: ProvenEntryBody) => `${JSON.stringify(body)}\n`;
  for (let page = first; !page.done; page = await pages.next()) {
    yield page.value.map((entry) => toLine(toProvenBody(entry))).join("");
  }
}

function toCsvLine(body: ProvenEntryBody): string {
  const fields = csvColumns.map((column) => {
    const value = body[column];
    if (typeof value === "number") return new Decimal(String(value));
    return typeof value === "object" && value !== null ? JSON.stringify(value) : (value ?? "");
  });
  return toCsv([fields]);
}
