import { Download } from "lucide-react";
import { useState } from "react";
import { exportAllAuditEntries, exportAuditEntries } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import type { ListQuery } from "../../ui/list-page.ts";
import { Menu, MenuItem } from "../../ui/menu.tsx";
import { saveFile } from "../../ui/save-file.ts";
import { toastProblem } from "../../ui/toast.tsx";
import { useAuditTexts } from "./texts.ts";

/** All that the filters leave, with what proves it: the list's own file has neither. */
export function Export({ query, isOfAll }: { readonly query: ListQuery; readonly isOfAll: boolean }) {
  const t = useAuditTexts();
  const [isBusy, setBusy] = useState(false);
  const save = async (format: "csv" | "jsonl") => {
    setBusy(true);
    try {
      const { cursor: _cursor, ...filter } = query;
      // What it may be asked is not in the OpenAPI document.
      const read = isOfAll ? exportAllAuditEntries : exportAuditEntries;
      const file = await read.download({ query: { ...filter, format } } as never);
      saveFile(`audit.${format}`, file);
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Menu
      trigger={
        <Button isBusy={isBusy}>
          {!isBusy && <Download aria-hidden className="size-4" />}
          {t("export")}
        </Button>
      }
    >
      <MenuItem onSelect={() => void save("csv")}>{t("exportCsv")}</MenuItem>
      <MenuItem onSelect={() => void save("jsonl")}>{t("exportJson")}</MenuItem>
    </Menu>
  );
}
