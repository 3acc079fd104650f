import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { findTargets } from "../call/choose-target.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { Target } from "../model.ts";

const noBody = Buffer.alloc(0);

/** Targets at which a session of the model may be held, in order: at least one. Throws `model_not_found`, and `invalid_request` where none speaks it. */
export async function findSpeakers(
  deps: Parameters<typeof findTargets>[0],
  caller: Caller,
  { model, tags }: { readonly model: string; readonly tags: TagsText },
): Promise<{ readonly targets: readonly [Target, ...Target[]] }> {
  const found = await findTargets(deps, caller, { model, asked: { surface: "realtime", body: noBody } }, tags);
  const [first, ...others] = found.targets.filter(({ provider }) => provider.dialect === "openai");
  if (first) return { targets: [first, ...others] };
  throw refuseField(
    "model",
    "is at a provider that does not answer requests of this kind; GET /v1/models lists others",
    "所在的供应商不支持此类请求；其他模型见 GET /v1/models",
  );
}
