import type { ProviderConfig } from "./config.ts";
import type { AiGatewayDeps } from "./deps.ts";
import { loadSharedProviders, type SimulatorAddress } from "./ops/load-providers.ts";
import type { RouteSpec } from "./routing/route.ts";
import { changeSharedRoutes } from "./routing/route-ops.ts";

/** What of the operator's file counts while the process runs: the providers first, for the routes may go to new ones. */
export interface SharedConfig {
  readonly providers: readonly ProviderConfig[];
  readonly routes: readonly RouteSpec[];
}

const retryAfterMs = 5_000;

/**
 * Takes over what has changed of the operator's providers and routes, the newest last. Where billing or the vault cannot be asked, all stays
 * as it was, which is logged, and it is tried again until it is done or something newer is there.
 */
export function followSharedConfig(
  deps: AiGatewayDeps,
  simulator: SimulatorAddress | undefined,
): (changed: SharedConfig) => void {
  let newest: SharedConfig | undefined;
  let isBusy = false;

  async function take(changed: SharedConfig): Promise<void> {
    await loadSharedProviders(deps, changed.providers, simulator);
    deps.policies.prune();
    changeSharedRoutes(deps, changed.routes);
  }

  async function work(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    while (newest) {
      const changed = newest;
      newest = undefined;
      try {
        await take(changed);
      } catch (err) {
        deps.log.error({ err }, "the providers of the configuration are not taken over yet");
        newest ??= changed;
        deps.clock.setTimer(retryAfterMs, () => void work());
        break;
      }
    }
    isBusy = false;
  }

  return (changed) => {
    newest = changed;
    void work();
  };
}
