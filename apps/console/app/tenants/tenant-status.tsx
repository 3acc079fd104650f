import type { AddTenantResponse } from "../../api/gen/client.ts";
import { Badge } from "../../ui/page-parts.tsx";
import { useTenantTexts } from "./texts.ts";

/** An organisation, as operators see it. */
export type Tenant = AddTenantResponse;

const tones = { active: "good", suspended: "bad", provisioning: "warn" } as const;

export const tenantStates = ["active", "suspended", "provisioning"] as const satisfies readonly Tenant["status"][];

/** Whether it may work. */
export function TenantStatus({ status }: Pick<Tenant, "status">) {
  const t = useTenantTexts();
  return <Badge tone={tones[status]}>{t(status)}</Badge>;
}
