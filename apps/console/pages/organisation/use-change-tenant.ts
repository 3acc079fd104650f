import { useQueryClient } from "@tanstack/react-query";
import { type AddTenantResponse, type UpdateTenantBody, updateTenant } from "../../api/gen/client.ts";
import { tenantQuery } from "../../app/session.ts";
import { toast } from "../../ui/toast.tsx";
import { useOrganisationTexts } from "./texts.ts";

export type Tenant = AddTenantResponse;

/** Changes the tenant, if it is still as it was shown. */
export function useChangeTenant({ version }: Tenant): (body: UpdateTenantBody) => Promise<void> {
  const t = useOrganisationTexts();
  const cache = useQueryClient();
  return async (body) => {
    const changed = await updateTenant({ path: { id: "me" }, header: { "If-Match": `"${version}"` }, body });
    cache.setQueryData(tenantQuery.queryKey, changed);
    toast(t("saved"));
  };
}
