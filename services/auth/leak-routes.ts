import { createHash } from "node:crypto";
import { Secret } from "@lyss/kit/config/secret.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AuthOps } from "./ops.ts";

const { json } = routesFor<AuthOps>();

const maxReports = 100;
const maxTokenLength = 1_024;
const maxTypeLength = 100;
const maxUrlLength = 2_048;

const report = z.strictObject({
  token: z.string().min(1).max(maxTokenLength),
  type: z.string().max(maxTypeLength).default("").describe("What the scanner calls it; given back as it is."),
  url: z.string().max(maxUrlLength).optional().describe("Where it was found."),
  source: z.string().max(maxTypeLength).optional().describe("In what it was found."),
});
const finding = z.strictObject({
  token_hash: z.string().describe("SHA-256 of the token, in base64."),
  token_type: z.string(),
  label: z.enum(["true_positive", "false_positive"]),
});

/** Where scanners of public places say which of our keys they have found. */
export const leakRoutes = withAlias(
  [
    json({
      method: "POST",
      path: "/v1/keys/leaked",
      permission: "public",
      operation: "reportLeakedKeys",
      summary:
        "Revokes API keys, and disables service clients, whose secrets were found in public, as GitHub's secret scanning reports them, and says which are of this installation. Safe to repeat.",
      body: z.array(report).min(1).max(maxReports),
      response: z.array(finding),
      async handle(ops, { body, clientAddress }) {
        const secrets = body.map(({ token }) => new Secret(token));
        const isOurs = await ops.reportLeakedKeys({ secrets, clientAddress });
        return body.map(({ token, type }, index) => ({
          token_hash: createHash("sha256").update(token).digest("base64"),
          token_type: type,
          label: isOurs[index] ? ("true_positive" as const) : ("false_positive" as const),
        }));
      },
    }),
  ],
  "/v1",
  "/api/v1",
);
