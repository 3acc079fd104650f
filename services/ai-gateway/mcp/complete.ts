import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";
import { requirePrompt, requireResource } from "./find-target.ts";
import { toToolFailure } from "./tool-server-failure.ts";

const nothing = { completion: { values: [], hasMore: false } };
const maxValues = 100;
const limitMs = 10_000;

/**
 * What a server proposes for an argument of a prompt, or a variable of a template, of its own: at most 100 values. Costs nothing. Throws
 * `invalid_request`, `mcp_prompt_not_found`, `mcp_resource_not_found`, and what went wrong at the server.
 */
export async function complete(
  deps: Pick<AiGatewayDeps, "mcpCatalog" | "offerBook" | "mcpSessions">,
  caller: Caller,
  { ref, argument, context }: RpcParams,
  abort: AbortSignal,
): Promise<RpcParams> {
  if (!isObject(argument) || typeof argument["name"] !== "string" || typeof argument["value"] !== "string") {
    throw refuseField("argument", "must have a name and a value", "必须包含 name 和 value");
  }
  const { found, own } = await findReference(deps, caller, ref);
  const { server, offer } = found;
  if (!offer.has.completions) return nothing;
  const given = { signal: AbortSignal.any([abort, AbortSignal.timeout(limitMs)]), isIdempotent: true };
  const { name, value } = argument;
  const params = { ref: own, argument: { name, value }, ...(isObject(context) && { context }) };
  const session = deps.mcpSessions.sessionOf(server, caller);
  const result = await deps.mcpCatalog
    .policyOf(server)
    .run((signal) => session.request({ method: "completion/complete", params, signal }), given)
    .catch((err: unknown) => {
      throw toToolFailure(server, err, undefined);
    });
  const { completion } = result;
  if (!isObject(completion) || !Array.isArray(completion["values"])) {
    throw toToolFailure(server, new RpcAnswerError("malformed"), undefined);
  }
  const values = completion["values"].filter((one) => typeof one === "string").slice(0, maxValues);
  const { total, hasMore } = completion;
  return { completion: { values, ...(Number.isSafeInteger(total) && { total }), hasMore: hasMore === true } };
}

async function findReference(
  deps: Pick<AiGatewayDeps, "mcpCatalog" | "offerBook">,
  caller: Caller,
  ref: unknown,
): Promise<{ readonly found: Awaited<ReturnType<typeof requirePrompt>>; readonly own: RpcParams }> {
  if (isObject(ref) && ref["type"] === "ref/prompt" && typeof ref["name"] === "string") {
    const found = await requirePrompt(deps, caller, ref["name"]);
    return { found, own: { type: "ref/prompt", name: found.own } };
  }
  if (isObject(ref) && ref["type"] === "ref/resource" && typeof ref["uri"] === "string") {
    const found = await requireResource(deps, caller, ref["uri"]);
    return { found, own: { type: "ref/resource", uri: found.own } };
  }
  throw refuseField("ref", "must name a prompt or a resource's template", "必须指明提示词或资源模板");
}
