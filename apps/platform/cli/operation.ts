import { type ApiClient, CommandError } from "./api-client.ts";
import type { CliDeps } from "./context.ts";
import { toFields, toTable } from "./print.ts";

type Row = Record<string, unknown>;

const pollMs = 250;

/** The path of a subscription that is written as service/subscription. Throws a CommandError for anything else. */
export function subscriptionPath(reference: string): string {
  const [, service, subscription] = /^([^/]+)\/(.+)$/.exec(reference) ?? [];
  if (service === undefined || subscription === undefined) {
    throw new CommandError(`${reference}: write it as service/subscription. 'lyss events subscriptions' lists them.`);
  }
  return `/admin/events/subscriptions/${encodeURIComponent(service)}/${encodeURIComponent(subscription)}`;
}

/** Asks again until the operation has ended, or is held by a person. */
export async function waitForEnd({ pause }: Pick<CliDeps, "pause">, api: ApiClient, operation: Row): Promise<Row> {
  let found = operation;
  while (found["state"] === "pending" || found["state"] === "running") {
    await pause(pollMs);
    found = await api.send("GET", `/admin/events/operations/${found["id"]}`);
  }
  return found;
}

/** One operation as a person reads it. */
export function toOperationText(it: Row): string {
  return toFields({
    id: it["id"],
    what: `${it["kind"]} ${it["service"]}/${it["subscription"]}`,
    state: it["state"],
    handled: `${it["handled"]} of ${it["total"]}`,
    ...(Number(it["failed"]) > 0 && { failed: it["failed"] }),
    ...(Number(it["held_back"]) > 0 && { "held back": it["held_back"] }),
    ...(it["last_error"] !== "" && { "last error": it["last_error"] }),
    asked: `${it["asked_at"]} by ${it["asked_by"]}`,
    ...(it["ended_at"] !== null && { ended: it["ended_at"] }),
  });
}

export function toOperationTable({ data, next_cursor: next }: Row): string {
  const table = toTable(
    ["ID", "KIND", "SUBSCRIPTION", "STATE", "HANDLED", "FAILED", "ASKED", "BY"],
    (data as Row[]).map((it) => [
      ...[it["id"], it["kind"], `${it["service"]}/${it["subscription"]}`, it["state"]],
      ...[`${it["handled"]}/${it["total"]}`, it["failed"], it["asked_at"], it["asked_by"]],
    ]),
  );
  return next ? `${table}\n\nMore: --cursor ${next}` : table;
}
