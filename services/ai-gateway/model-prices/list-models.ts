import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Target } from "../model.ts";

/** A name that callers may write into `model`, and where its calls go first. */
export interface ListedModel {
  readonly name: string;
  readonly target: Target;
}

/** Whose models are asked for. */
export interface ModelsOfCaller {
  readonly tenantId: string;
  /** Empty for a caller without one. */
  readonly keyId: string;
  /** Empty for all. */
  readonly allowedModels: readonly string[];
}

type ListDeps = Pick<AiGatewayDeps, "callDefaults" | "catalog" | "funding" | "clock" | "log">;

/** Each model that a caller may name once, by its aliases too, with the provider that would serve it. One without a price cannot be called: it is left out. */
export async function listModels(deps: ListDeps, caller: ModelsOfCaller): Promise<readonly ListedModel[]> {
  const listed = listAll(deps, caller);
  const priced = await Promise.all(listed.map(({ target }) => hasPrice(deps, caller.tenantId, target)));
  return listed.filter((_model, i) => priced[i]);
}

function listAll({ catalog, callDefaults }: ListDeps, caller: ModelsOfCaller): readonly ListedModel[] {
  const offers = catalog.listOffers(caller.tenantId, caller.allowedModels);
  const targets = new Map(offers.flatMap(({ name, targets: [target] }) => (target ? [[name, target]] : [])));
  const named = new Map(targets);
  for (const [alias, model] of Object.entries(callDefaults.aliasesOf(caller))) {
    const target = targets.get(model);
    if (target) named.set(alias, target);
    else named.delete(alias);
  }
  return [...named].map(([name, target]) => ({ name, target }));
}

/** One model that a caller may name. Throws `model_not_found`, and `billing.price_missing` as a call of it would. */
export async function getModel(deps: ListDeps, { model, ...caller }: ModelsOfCaller & { readonly model: string }) {
  const listed = listAll(deps, caller).find(({ name }) => name === model);
  if (!listed) throw new Failure(aiGatewayFailures.model_not_found, { model });
  if (!(await hasPrice(deps, caller.tenantId, listed.target))) {
    throw new Failure(billingFailures.price_missing, { model, provider: listed.target.provider.name });
  }
  return listed;
}

/** True too while billing cannot be asked: calls go on then, and so does the list. */
async function hasPrice({ funding, clock, log }: ListDeps, tenantId: string, { provider, model }: Target) {
  const named = { tenantId, provider: provider.name, model: model.name };
  try {
    return (await funding.priceOf(named, clock.nowMs())) !== undefined;
  } catch (err) {
    log.debug({ err, ...named }, "whether a model has a price could not be learnt");
    return true;
  }
}
