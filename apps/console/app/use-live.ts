import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { watchTenant } from "../api/gen/client.ts";

const retryMs = 2_000;
/** What comes in a burst is shown together. */
const gatherMs = 1_000;

/**
 * Has what was asked for under keys that begin so asked for anew when something was recorded in the tenant, and when the stream comes
 * back. Tells whether it is open. The key must stay the same object.
 */
export function useLive(queryKey: readonly string[]): boolean {
  const cache = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void cache.invalidateQueries({ queryKey });
      }, gatherMs);
    };
    const watch = async () => {
      while (!signal.aborted) {
        try {
          for await (const data of watchTenant.stream({ header: { Accept: "text/event-stream" } }, { signal })) {
            setOpen(true);
            // A request, or how many were not told; the balance alone changes nothing here.
            if (/^\{"(id|requests)":/.test(data)) refresh();
          }
        } catch {
          // It is tried again; what is wrong with the API the page says.
        }
        setOpen(false);
        if (signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        refresh();
      }
    };
    void watch();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [cache, queryKey]);
  return isOpen;
}
