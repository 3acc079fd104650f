import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "./toast.tsx";

/**
 * The dialogs of a list: which one is open and what it is about. `changed` has the list read anew, and says what was done where a text is
 * given; `list` is the name that the list goes by.
 */
export function useListDialog<Open>(list: string) {
  const cache = useQueryClient();
  const [open, setOpen] = useState<Open>();
  return {
    open,
    setOpen,
    close: () => setOpen(undefined),
    changed: async (said?: string) => {
      await cache.invalidateQueries({ queryKey: ["list", list] });
      if (said !== undefined) toast(said);
    },
  };
}
