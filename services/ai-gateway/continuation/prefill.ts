import type { Model, PrefillForm, Provider, Target } from "../model.ts";
import { knownPrefillOf } from "../provider-quirks.ts";
import { continuesAnswers } from "../providers/anthropic/refuse-prefill.ts";

/** What a target is given to go on with an answer. */
export interface Prefill {
  readonly ofMessage: Readonly<Record<string, unknown>>;
  readonly ofBody: Readonly<Record<string, unknown>>;
  /** True where what is begun must not end in white space. */
  readonly isTrimmed: boolean;
}

const forms: Readonly<Record<PrefillForm, Prefill>> = {
  plain: { ofMessage: {}, ofBody: {}, isTrimmed: false },
  prefix: { ofMessage: { prefix: true }, ofBody: {}, isTrimmed: false },
  partial: { ofMessage: { partial: true }, ofBody: {}, isTrimmed: false },
  continue_final_message: {
    ...{ ofMessage: {}, isTrimmed: false },
    ofBody: { continue_final_message: true, add_generation_prompt: false },
  },
};
const claude = /claude/;

/** Undefined for a target that is not known to go on with an answer: most begin another one. */
export function prefillOf({
  provider,
  model,
}: Pick<Target, "model"> & { readonly provider: Pick<Provider, "dialect" | "baseUrl"> }) {
  const form = formOf(provider, model);
  return form && (isAnthropics(provider, model) ? { ...forms[form], isTrimmed: true } : forms[form]);
}

function formOf(provider: Pick<Provider, "dialect" | "baseUrl">, model: Model): PrefillForm | undefined {
  if (model.prefill !== undefined) return model.prefill;
  if (isAnthropics(provider, model)) return continuesAnswers(model.upstreamName) ? "plain" : undefined;
  return provider.dialect === "openai" ? knownPrefillOf(provider, model) : undefined;
}

/** Of Bedrock's and Vertex's models only Anthropic's are known to. */
function isAnthropics({ dialect }: Pick<Provider, "dialect">, { upstreamName }: Model): boolean {
  return dialect === "anthropic" || ((dialect === "bedrock" || dialect === "vertex") && claude.test(upstreamName));
}
