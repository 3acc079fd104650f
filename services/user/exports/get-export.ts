import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { PersonReference } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import { type ExportProgress, exportingServices, type PersonExport } from "./export-model.ts";
import { requireExporter } from "./require-exporter.ts";

/**
 * How far the export of a person is. Throws `not_found`, `role_above_own` and `kit.permission_denied`, and `export_not_found` when nobody has
 * asked for one, or it has expired.
 */
export async function getExport(deps: UserDeps, input: PersonReference): Promise<ExportProgress> {
  const { db, exports, clock } = deps;
  return db.transaction(async (tx) => {
    const { userId } = await requireExporter(deps, tx, input);
    const found = await exports.findExport(tx, userId, new Date(clock.nowMs()));
    if (!found) throw new Failure(userFailures.export_not_found);
    return readProgress(deps, tx, found);
  });
}

/** An export, and who has answered. */
export async function readProgress(
  { exports }: Pick<UserDeps, "exports">,
  tx: Tx,
  found: PersonExport,
): Promise<ExportProgress> {
  const answered = new Map(
    (await exports.listAnswered(tx, found.exportId)).map((row) => [row.service, row.receivedAt]),
  );
  const parts = exportingServices.map((service) => ({ service, exportedAt: answered.get(service) ?? null }));
  return { ...found, parts };
}
