import { askForModels } from "../ask-for-models.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Provider } from "../model.ts";
import type { ProbeOutcome } from "./target-health.ts";

const timeoutMs = 10_000;
const maxAtOnce = 16;

type ProbeDeps = Pick<
  AiGatewayDeps,
  | "accountStore"
  | "catalog"
  | "clock"
  | "credentials"
  | "health"
  | "log"
  | "pools"
  | "random"
  | "settings"
  | "standings"
>;

/**
 * Asks the accounts of which calls have not shown of late how they are, at no cost: their list of models, or what stands for
 * it. What it shows goes where calls leave it. Of several nodes one asks, each time whichever comes first.
 */
export async function probeAccounts(deps: ProbeDeps, signal: AbortSignal): Promise<void> {
  const { everyMs } = deps.settings.probes;
  const due = deps.catalog.listAllProviders().filter((provider) => isInQuestion(deps, provider));
  if (due.length === 0) return;
  // A tenth more or less, so that accounts are not all asked at one time.
  const jitter = () => 0.9 + (0.2 * deps.random.bytes(2).readUInt16LE()) / 65_536;
  const claims = due.map(({ providerId, tenantId }) => ({
    ...{ providerId, tenantId },
    dueInMs: Math.round(everyMs * jitter()),
  }));
  const claimed = await deps.accountStore.claimProbes(claims);
  const waiting = due.filter(({ providerId }) => claimed.has(providerId));
  const worker = async () => {
    for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
      deps.health.noteProbe(next, await probe(deps, next, signal));
    }
  };
  await Promise.all(Array.from({ length: maxAtOnce }, worker));
}

/** The operator's while no call goes there; a tenant's own only when it is out: nobody asked us to look at it all day. */
function isInQuestion({ health, standings, settings, clock }: ProbeDeps, provider: Provider): boolean {
  if (provider.source === "simulator") return false;
  const targets = provider.models.map((model) => ({ provider, model }));
  if (health.isOut(provider)) return true;
  if (provider.source === "tenant") return false;
  const lastMs = Math.max(...targets.map((target) => standings.of(target).begunMs));
  return lastMs === 0 || clock.monotonicMs() - lastMs >= settings.probes.everyMs;
}

async function probe(deps: ProbeDeps, provider: Provider, signal: AbortSignal): Promise<ProbeOutcome> {
  let secret: string;
  try {
    secret = await deps.credentials.secretOf(provider);
  } catch {
    // Our own vault is away: that says nothing of the provider.
    return { kind: "unknown" };
  }
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { status, isAccepted } = await askForModels(deps, provider, secret, within);
    if (isAccepted) return { kind: "answered" };
    if (status === 401 || status === 403) return { kind: "refused" };
    // One that has no such list, or is busy, says nothing of how it answers calls.
    return { kind: status >= 500 ? "failed" : "unknown" };
  } catch (err) {
    if (signal.aborted) return { kind: "unknown" };
    deps.log.debug({ err, provider: provider.name }, "a probe was not answered");
    return { kind: "failed" };
  }
}
