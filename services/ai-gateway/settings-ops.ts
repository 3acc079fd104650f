import type { Tx } from "@lyss/kit/db/database.ts";
import type { PageRequest } from "@lyss/kit/http/page.ts";
import type { CachePolicySpec } from "./answer-cache/cache-policy.ts";
import type { CallDefaultsKey, CallDefaultsSpec } from "./call-defaults/call-defaults.ts";
import type { ToldPolicy } from "./data-policies/data-policy.ts";
import type { AiGatewayDeps } from "./deps.ts";
import type { ExportName } from "./exports/export.ts";
import type { Exports } from "./exports/exports.ts";
import type { GuardrailName } from "./guardrails/guardrail.ts";
import { type GuardrailToPut, putGuardrail, removeGuardrail } from "./guardrails/put-guardrail.ts";
import { type TextToTry, tryGuardrails } from "./guardrails/try-guardrails.ts";
import { compareMirror } from "./mirroring/compare-mirror.ts";
import type { ModelLimitSpec } from "./model-limits/model-limit.ts";
import type { BodyPolicySpec } from "./request-bodies/body-policy.ts";
import type { RequestBodies } from "./request-bodies/request-bodies.ts";
import { checkEmbeddingModel } from "./vectors/check-embedding-model.ts";

/** What may be kept of what is said in calls, and what is: the second is made of the first. */
export async function loadBodyPolicies({
  dataPolicies,
  requestBodies,
}: Pick<AiGatewayDeps, "dataPolicies" | "requestBodies">) {
  await dataPolicies.load();
  await requestBodies.policies.load();
}

/** What is said once and counts for many calls: caches, limits, defaults, guardrails, mirrors. */
export function createSettingsOps(deps: AiGatewayDeps) {
  return {
    compareMirror: (input: Parameters<typeof compareMirror>[1]) => compareMirror(deps, input),
    loadCachePolicies: () => deps.cachePolicies.load(),
    getCache: async (tenantId: string) => ({
      policy: deps.cachePolicies.get(tenantId),
      size: await deps.answerCache.sizeOf(tenantId),
    }),
    /** Throws `embedding_model_unknown`. */
    putCachePolicy: async (policy: CachePolicySpec) => {
      if (policy.semantic) checkEmbeddingModel(deps.catalog, policy.tenantId, policy.semantic.embeddingModel);
      return deps.cachePolicies.put(policy);
    },
    removeCachePolicy: (tenantId: string) => deps.cachePolicies.remove(tenantId),
    purgeCache: (tenantId: string) => deps.answerCache.purge(tenantId),
    listCallDefaults: (tenantId: string, page: PageRequest) => deps.callDefaults.list(tenantId, page),
    getCallDefaults: (key: CallDefaultsKey) => deps.callDefaults.get(key),
    async putCallDefaults(key: CallDefaultsKey, spec: CallDefaultsSpec, expectedVersion: number | undefined) {
      // Throws for a key that is not the tenant's.
      if (key.keyId !== "") await deps.auth.getKey(key);
      return deps.callDefaults.put(key, spec, expectedVersion);
    },
    removeCallDefaults: (key: CallDefaultsKey) => deps.callDefaults.remove(key),
    listGuardrails: (page: Parameters<AiGatewayDeps["guardrails"]["list"]>[0]) => deps.guardrails.list(page),
    getGuardrail: (name: GuardrailName) => deps.guardrails.get(name),
    putGuardrail: (given: GuardrailToPut) => putGuardrail(deps, given),
    removeGuardrail: (name: GuardrailName) => removeGuardrail(deps, name),
    tryGuardrails: (given: TextToTry) => tryGuardrails(deps.guardrails, given),
    listRecordExports: (page: Parameters<Exports["list"]>[0]) => deps.exports.list(page),
    getRecordExport: (named: ExportName) => deps.exports.get(named),
    putRecordExport: (given: Parameters<Exports["put"]>[0]) => deps.exports.put(given),
    removeRecordExport: (named: ExportName) => deps.exports.remove(named),
    pauseRecordExport: (named: ExportName) => deps.exports.pause(named),
    resumeRecordExport: (named: ExportName) => deps.exports.resume(named),
    testRecordExport: (named: ExportName) => deps.exports.test(named),
    loadBodyPolicies: () => loadBodyPolicies(deps),
    followDataPolicy: (tx: Tx, told: ToldPolicy) => deps.dataPolicies.follow(tx, told),
    getBodyPolicy: (tenantId: string) => deps.requestBodies.report(tenantId),
    async putBodyPolicy(tenantId: string, spec: BodyPolicySpec) {
      await deps.requestBodies.policies.put(tenantId, spec);
      return deps.requestBodies.report(tenantId);
    },
    removeBodyPolicy: (tenantId: string) => deps.requestBodies.policies.remove(tenantId),
    purgeBodies: (tenantId: string) => deps.requestBodies.policies.purge(tenantId),
    listBodies: (input: Parameters<RequestBodies["list"]>[0]) => deps.requestBodies.list(input),
    readBody: (call: Parameters<RequestBodies["read"]>[0]) => deps.requestBodies.read(call),
    removeBody: (call: Parameters<RequestBodies["remove"]>[0]) => deps.requestBodies.remove(call),
    loadModelLimits: () => deps.limitBook.load(),
    listModelLimits: (page: PageRequest) => deps.limitBook.list(page),
    getModelLimit: (name: string) => deps.limitBook.get(name),
    putModelLimit: ({ expectedVersion, ...spec }: ModelLimitSpec & { readonly expectedVersion: number | undefined }) =>
      deps.limitBook.put(spec, expectedVersion),
    removeModelLimit: (name: string) => deps.limitBook.remove(name),
    useOfModelLimit: (name: string) => deps.modelLimits.useOf(name),
  };
}
