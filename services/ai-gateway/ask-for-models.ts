import { requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import { readBody } from "./call/send-upstream.ts";
import type { AiGatewayDeps } from "./deps.ts";
import { type Provider, pathAt } from "./model.ts";
import type { Probe } from "./providers/wire.ts";
import { wires } from "./providers/wires.ts";

const listing: Probe = { method: "GET", toEndpoint: () => "/models", accepted: [200] };
const maxBytes = 8_388_608;

/** What a provider says when it is asked what it offers. */
export interface ModelsAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** True for a status that only a request with a good key is answered with. */
  readonly isAccepted: boolean;
}

/** Asks a provider for its models, or whatever else costs nothing there and shows whether it takes the key. Throws an UpstreamError. */
export async function askForModels(
  { pools, clock }: Pick<AiGatewayDeps, "pools" | "clock">,
  provider: Provider,
  secret: string,
  signal: AbortSignal,
): Promise<ModelsAnswer> {
  const wire = wires[provider.dialect];
  const { method, toEndpoint, body: asked, accepted } = wire.probe ?? listing;
  const pool = pools.poolOf(provider);
  const endpoint = toEndpoint(provider.models[0]?.upstreamName ?? "", provider);
  const sent = { method, path: pathAt(provider, endpoint), authority: pool.authority };
  const start = toRequestStart({
    ...sent,
    headers: {
      accept: "application/json",
      ...(asked && { "content-type": "application/json" }),
      ...wire.toHeaders(secret),
      ...wire.sign?.(secret, { ...sent, body: asked ?? Buffer.alloc(0), nowMs: clock.nowMs() }),
    },
  });
  const answer = await requestAnswer(pool, composeRequest(start, asked), signal);
  const { status } = answer.head;
  return { status, body: await readBody(answer, maxBytes), isAccepted: accepted.includes(status) };
}
