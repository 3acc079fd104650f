import type { AiGatewayDeps } from "../deps.ts";

/** Takes from the database which accounts are out: of this node's own calls nothing is known yet, or it has missed what was said. */
export async function loadAccounts({ accountStore, health }: AiGatewayDeps): Promise<void> {
  for (const { providerId, state, status } of await accountStore.listOut()) health.follow(providerId, state, status);
}
