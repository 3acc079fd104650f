import type { AiGatewayDeps } from "../deps.ts";
import { getRoute } from "../routing/route-ops.ts";
import type { Comparison, Mirror } from "./mirror.ts";

export interface MirrorReport {
  /** As the route has it now; null where it mirrors no more. */
  readonly mirror: Mirror | null;
  readonly since: Date;
  readonly comparisons: readonly Comparison[];
}

const hourMs = 3_600_000;

/** How calls of a route and their mirrors ended in the last `hours`; both a second later. Throws `route_not_found`. */
export async function compareMirror(
  { catalog, mirrorStore, clock }: Pick<AiGatewayDeps, "catalog" | "clock" | "mirrorStore">,
  { tenantId, name, hours }: { readonly tenantId: string; readonly name: string; readonly hours: number },
): Promise<MirrorReport> {
  const { mirror } = getRoute({ catalog }, { tenantId, name });
  const since = new Date(clock.nowMs() - hours * hourMs);
  return { mirror, since, comparisons: await mirrorStore.compare({ tenantId, route: name, since }) };
}
