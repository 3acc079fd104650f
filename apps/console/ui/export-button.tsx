import { Download } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "./button.tsx";
import type { Column } from "./column.ts";
import { saveCsv } from "./csv.ts";
import type { ListPage, ListQuery } from "./list-page.ts";
import { readAll } from "./read-all.ts";
import { useUiTexts } from "./texts.ts";
import { toast, toastProblem } from "./toast.tsx";

export interface ExportButtonProps<Row> {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  readonly load: (query: ListQuery, signal?: AbortSignal) => Promise<ListPage<Row>>;
  /** What the list is narrowed to. */
  readonly asked: ListQuery;
}

/** What a browser still holds with ease, and a spreadsheet opens. */
const maxRows = 100_000;

/** Saves a list as a file, page by page: how far it is can be seen, and it can be canceled. Says so where rows are left out. */
export function ExportButton<Row>({ name, columns, load, asked }: ExportButtonProps<Row>) {
  const t = useUiTexts();
  const [count, setCount] = useState<number>();
  const reading = useRef<AbortController>(undefined);
  useEffect(() => () => reading.current?.abort(), []);
  const save = async () => {
    const controller = new AbortController();
    const { signal } = controller;
    reading.current = controller;
    const loadPage = (cursor: string | undefined) => {
      signal.throwIfAborted();
      return load({ ...asked, cursor }, signal);
    };
    setCount(0);
    try {
      const { data: rows, next_cursor } = await readAll(loadPage, { maxRows, onRead: setCount });
      saveCsv(`${name}.csv`, columns, rows);
      toast(t(next_cursor === null ? "exported" : "exportedPart", { count: rows.length }));
    } catch (err) {
      if (!signal.aborted) toastProblem(err);
    } finally {
      setCount(undefined);
    }
  };
  if (count === undefined) {
    return (
      <Button size="small" look="ghost" onClick={save}>
        <Download aria-hidden className="size-3.5" />
        {t("exportCsv")}
      </Button>
    );
  }
  return (
    <span className="flex items-center gap-2">
      <span role="status" className="text-ink-soft text-[13px] tabular-nums">
        {t("exporting", { count })}
      </span>
      <Button size="small" look="ghost" onClick={() => reading.current?.abort()}>
        {t("cancel")}
      </Button>
    </span>
  );
}
