import { useState } from "react";
import { usePermissionNames } from "../app/permissions/permission-name.ts";
import { useUiTexts } from "./texts.ts";

const shownCount = 6;

/** Permissions in a cell of a list, by their names: a few of them, and all when asked. */
export function PermissionNames({ permissions }: { readonly permissions: readonly string[] }) {
  const t = useUiTexts();
  const namesOf = usePermissionNames();
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? permissions : permissions.slice(0, shownCount);
  return (
    <span className="text-[13px] text-ink-soft">
      {namesOf(shown) || t("noPermissions")}
      {permissions.length > shown.length && (
        <button type="button" className="ml-1.5 underline underline-offset-2" onClick={() => setWhole(true)}>
          {t("morePermissions", { count: permissions.length - shown.length })}
        </button>
      )}
    </span>
  );
}
