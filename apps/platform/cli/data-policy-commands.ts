import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields } from "./print.ts";
import { readCount } from "./read-count.ts";
import { readYesOrNo } from "./read-yes-or-no.ts";

type Row = Record<string, unknown>;

const pathOf = (id: string) => `/api/v1/tenants/${encodeURIComponent(id)}/data-policy`;

/** `lyss tenant data-policy show|set`. */
export function addDataPolicyCommands(tenant: Command, deps: CliDeps): void {
  const policy = tenant.command("data-policy").description("what a tenant allows to be kept of what its calls say");

  withConnection(policy.command("show").description("show what may be kept"))
    .argument("[id]", "the tenant's id; your own unless given", "me")
    .action(async (id: string, options) => {
      const { api, output } = connect(deps, options);
      print(output, await api.send("GET", pathOf(id)), toText);
    });

  withConnection(policy.command("set").description("change what may be kept from now on; what is not given stays"))
    .argument("[id]", "the tenant's id; your own unless given", "me")
    .option("--store-bodies <yes-or-no>", "whether requests and answers may be kept (lyss request-bodies)", readYesOrNo)
    .option("--retention-days <n>", "how long anything may be kept, 1 to 3650", readCount)
    .option("--redact <kinds>", "email, phone, card, secret, with commas; 'none' for nothing more", toKinds)
    .addHelpText(
      "after",
      "\nExample:\n  lyss tenant data-policy set --store-bodies yes --retention-days 30 --redact email,card",
    )
    .action(async (id: string, { storeBodies, retentionDays, redact, ...options }) => {
      const { api, output } = connect(deps, options);
      const now = await api.send("GET", pathOf(id));
      const wanted = {
        store_bodies: storeBodies ?? now["store_bodies"],
        retention_days: retentionDays ?? now["retention_days"],
        redact: redact ?? now["redact"],
      };
      // What somebody else has set meanwhile is not overwritten.
      const expectedVersion = Number(now["version"]);
      print(output, await api.send("PUT", pathOf(id), wanted, { expectedVersion }), toText);
    });
}

function toKinds(words: string): readonly string[] {
  return words === "none" ? [] : words.split(",");
}

function toText(it: Row): string {
  return toFields({
    "requests and answers": it["store_bodies"] === true ? "may be kept" : "are not kept",
    "kept at most": `${it["retention_days"]} days`,
    "taken out": (it["redact"] as string[]).join(" ") || "what the request-bodies policy says",
    version: it["version"],
  });
}
