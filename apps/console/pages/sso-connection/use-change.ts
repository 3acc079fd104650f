import { useQueryClient } from "@tanstack/react-query";
import { type UpdateSsoConnectionBody, updateSsoConnection } from "../../api/gen/client.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { toast } from "../../ui/toast.tsx";

/** Changes a connection, if it is still as it was shown, and says so. */
export function useChange({ id, version }: Connection): (body: UpdateSsoConnectionBody, said: string) => Promise<void> {
  const cache = useQueryClient();
  return async (body, said) => {
    const changed = await updateSsoConnection({ path: { id }, header: { "If-Match": `"${version}"` }, body });
    cache.setQueryData(["sso", id], changed);
    await cache.invalidateQueries({ queryKey: ["list", "sso"] });
    toast(said);
  };
}
