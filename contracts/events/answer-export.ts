import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { sealTo } from "@lyss/kit/crypto/seal-to.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { type EventType, type Outbox, onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";
import { userExportRequested } from "./user.ts";

const compress = promisify(gzip);

/** Of what an event may hold, the larger part. */
const pieceBytes = 131_072;

/** Rows of a section that are exported: the newest. */
const maxExportedRows = 10_000;

/** What a query of a section is limited to: by the last row it is seen that there are more. */
export const exportedRowsLimit = maxExportedRows + 1;

/** Whom an export is about. */
export interface ExportedPerson {
  readonly userId: string;
  readonly tenantId: string;
}

/** What a service keeps of somebody, by section; names in snake case, times as Date. Never a secret. */
export type PersonSections = Readonly<Record<string, unknown>>;

/** What the pieces of a service are bound to: none is taken for another's. */
export function bindingOf(exportId: string, service: string): string {
  return JSON.stringify(["person-export", exportId, service]);
}

/**
 * Answers each request for an export with what the service keeps of the person, encrypted to whoever asked. `collect` gives for each
 * section at most `exportedRowsLimit` rows, the newest first; a section of so many is cut, and `truncated` names it. A repeat says the
 * same. It runs in the transaction that moves the subscription on: whoever is killed answers at the next start.
 */
export function answerExport(given: {
  readonly service: string;
  readonly event: EventType<typeof PersonExportedSchema>;
  readonly outbox: Outbox;
  readonly random: Random;
  collect(tx: Tx, person: ExportedPerson): Promise<PersonSections>;
}): Subscription {
  const { service, event, outbox, random, collect } = given;
  return onEvent("export-person", userExportRequested, async (tx, { data }) => {
    const { exportId, userId, tenantId, publicKey } = data;
    const sections = cut(await collect(tx, { userId, tenantId }));
    const packed = await compress(JSON.stringify(sections, toPlain));
    const content = sealTo(random, Buffer.from(publicKey), packed, bindingOf(exportId, service));
    const pieces = Math.ceil(content.length / pieceBytes);
    for (let number = 0; number < pieces; number++) {
      const piece = content.subarray(number * pieceBytes, (number + 1) * pieceBytes);
      const isLast = number === pieces - 1;
      await outbox.append(tx, event, { exportId, userId, tenantId, number, isLast, content: piece });
    }
  });
}

/** Amounts go out as text: their last digits do not fit into a number of JSON. */
function toPlain(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

function cut(sections: PersonSections): PersonSections {
  const isLong = (rows: unknown): rows is readonly unknown[] => Array.isArray(rows) && rows.length > maxExportedRows;
  const truncated = Object.keys(sections).filter((name) => isLong(sections[name]));
  const kept = Object.entries(sections).map(([name, rows]) => [
    name,
    isLong(rows) ? rows.slice(0, maxExportedRows) : rows,
  ]);
  return { ...Object.fromEntries(kept), ...(truncated.length > 0 && { truncated }) };
}
