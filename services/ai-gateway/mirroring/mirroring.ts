import type { Database } from "@lyss/kit/db/database.ts";
import type { Catalog } from "../catalog.ts";
import type { GatewaySettings, ResilienceSettings } from "../config.ts";
import { createProviderPolicies } from "../provider-policies.ts";
import { createMirrorStore } from "./mirror-store.ts";
import { createMirrors, type MirrorsDeps } from "./mirrors.ts";

interface MirroringConfig {
  readonly resilience: ResilienceSettings;
  readonly aiGateway: Pick<GatewaySettings, "mirroring">;
}

type MirroringDeps = Omit<MirrorsDeps, "mirrorStore" | "policies"> &
  Pick<Parameters<typeof createProviderPolicies>[2], "random"> & {
    readonly db: Database;
    readonly config: MirroringConfig;
    onConfigChange(listen: (config: MirroringConfig) => void): void;
  };

/** What sends calls a second time, and compares. */
export function createMirroring({ db, config, onConfigChange, ...deps }: MirroringDeps, catalog: Catalog) {
  const mirrorStore = createMirrorStore(db);
  const policies = createProviderPolicies(config.resilience, catalog, deps);
  onConfigChange(({ resilience }) => policies.update(resilience));
  return { mirrorStore, mirrors: createMirrors(config.aiGateway.mirroring, { ...deps, policies, mirrorStore }) };
}
