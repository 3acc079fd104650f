import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, ChevronRight } from "lucide-react";
import { memo, type ReactNode } from "react";
import { type Search, useSearchState } from "../app/search.ts";
import { Button } from "./button.tsx";
import type { Column } from "./column.ts";
import { ExportButton } from "./export-button.tsx";
import { type Filter, Filters } from "./filters.tsx";
import { join } from "./join.ts";
import type { ListPage, ListQuery } from "./list-page.ts";
import { Card, EmptyState, Loading } from "./page-parts.tsx";
import { ProblemNote } from "./problem-note.tsx";
import { useRowWindow } from "./row-window.ts";
import { useUiTexts } from "./texts.ts";

export interface DataTableProps<Row> {
  /** Of the list, and of its file: `keys`. */
  readonly name: string;
  /** Whose list it is, where there are several of one name. */
  readonly of?: string;
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  readonly load: (query: ListQuery, signal?: AbortSignal) => Promise<ListPage<Row>>;
  readonly filters?: readonly Filter[];
  /** The query field that search goes into; no search without it. */
  readonly searchField?: string;
  /** What is searched for, where that is not any part of a text. */
  readonly searchHint?: string;
  /** Shown where nothing is yet: it teaches. */
  readonly empty: ReactNode;
  /** What is done with a row, at its end. */
  readonly actions?: (row: Row) => ReactNode;
  /** Asks again this often. */
  readonly refreshMs?: number;
  readonly onOpen?: (row: Row) => void;
  /** True where `load` sorts all of the list by `sort`, a column's id behind `-` for the most first; else the page is sorted here. */
  readonly isSortedByLoad?: boolean;
}

/** A list: search, filters as chips, sort, cursor paging, CSV. All of its state stands in the address. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { name, of, columns, load, filters = [], searchField, refreshMs, isSortedByLoad = false } = props;
  const t = useUiTexts();
  const [search, setSearch] = useSearchState();
  const fields = [...filters.map((filter) => filter.name), ...(searchField ? [searchField] : [])];
  const asked = Object.fromEntries(fields.flatMap((field) => (search[field] ? [[field, search[field]]] : [])));
  const isFiltered = Object.keys(asked).length > 0;
  const { cursor, sort } = search;
  const wanted = isSortedByLoad && sort ? { ...asked, sort } : asked;
  const { data, error, isPending, refetch, isPlaceholderData } = useQuery({
    queryKey: ["list", name, wanted, cursor, of],
    queryFn: ({ signal }) => load({ ...wanted, cursor }, signal),
    placeholderData: keepPreviousData,
    ...(refreshMs !== undefined && { refetchInterval: refreshMs }),
  });
  const rows = isSortedByLoad ? (data?.data ?? []) : sortRows(data?.data ?? [], columns, sort);
  const clear = () => setSearch(Object.fromEntries([...fields, "cursor"].map((field) => [field, undefined])));

  if (error && !data) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (isPending) return <Loading />;
  if (rows.length === 0 && !isFiltered && cursor === undefined) return <Card>{props.empty}</Card>;
  return (
    <div>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Filters {...{ filters, searchField, searchHint: props.searchHint }} />
        <div className="ml-auto">
          <ExportButton {...{ name, columns, load, asked: wanted }} />
        </div>
      </div>
      <Card className="overflow-hidden">
        {rows.length === 0 ? (
          <EmptyState title={t("nothingFound")} action={<Button onClick={clear}>{t("clearAll")}</Button>}>
            {t("nothingFoundHint")}
          </EmptyState>
        ) : (
          <Rows {...props} rows={rows} isFaded={isPlaceholderData} />
        )}
      </Card>
      {(cursor !== undefined || data?.next_cursor) && (
        <nav className="mt-3 flex items-center justify-end gap-2" aria-label={t("next")}>
          {cursor !== undefined && (
            <Button size="small" onClick={() => setSearch({ cursor: undefined })}>
              {t("first")}
            </Button>
          )}
          <Button
            size="small"
            disabled={!data?.next_cursor}
            onClick={() => setSearch({ cursor: data?.next_cursor ?? undefined })}
          >
            {t("next")}
            <ChevronRight aria-hidden className="size-4" />
          </Button>
        </nav>
      )}
    </div>
  );
}

function Rows<Row>(props: DataTableProps<Row> & { readonly rows: readonly Row[]; readonly isFaded: boolean }) {
  const { columns, rows, rowKey, actions, onOpen, isFaded, isSortedByLoad = false } = props;
  const t = useUiTexts();
  const [search, setSearch] = useSearchState();
  const sort = search["sort"];
  const { from, to, abovePx, belowPx, body } = useRowWindow(rows.length);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className="relative overflow-x-auto" aria-labelledby="page-title" tabIndex={0}>
      <table
        aria-rowcount={rows.length + 1}
        className={join("w-full border-collapse text-sm transition-opacity", isFaded && "opacity-60")}
      >
        <thead>
          <tr className="border-b border-line text-left">
            {columns.map((column) => (
              <th
                key={column.id}
                scope="col"
                aria-sort={sort === column.id ? "ascending" : sort === `-${column.id}` ? "descending" : undefined}
                className={join(cellClass(column), "h-9 text-xs font-medium whitespace-nowrap text-ink-soft")}
              >
                {column.sort ? (
                  <button
                    type="button"
                    aria-label={t("sortBy", { name: column.title })}
                    className="inline-flex items-center gap-1 hover:text-ink"
                    onClick={() => setSearch(toSort(nextSort(sort, column.id, isSortedByLoad), isSortedByLoad))}
                  >
                    {column.title}
                    {sort === column.id && <ArrowUp aria-hidden className="size-3" />}
                    {sort === `-${column.id}` && <ArrowDown aria-hidden className="size-3" />}
                  </button>
                ) : (
                  column.title
                )}
              </th>
            ))}
            {actions && (
              <th scope="col" className="w-px px-2 max-md:sticky max-md:right-0 max-md:bg-surface">
                <span className="sr-only">{t("actions")}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody ref={body}>
          {abovePx > 0 && <tr aria-hidden style={{ height: abovePx }} />}
          {rows.slice(from, to).map((row, at) => (
            <Row
              key={rowKey(row)}
              {...{ row, columns, actions, onOpen }}
              index={to - from < rows.length ? from + at + 2 : undefined}
            />
          ))}
          {belowPx > 0 && <tr aria-hidden style={{ height: belowPx }} />}
        </tbody>
      </table>
    </section>
  );
}

function cellClass({ align, isMinor }: Pick<Column<never>, "align" | "isMinor">): string {
  return join("px-3", align === "end" && "text-right", isMinor && "max-md:hidden");
}

/** Drawn anew only when it is another row: many are on their way through the window while somebody scrolls. */
const Row = memo(OneRow) as typeof OneRow;

function OneRow<Row>({
  row,
  columns,
  actions,
  onOpen,
  index,
}: {
  readonly row: Row;
  readonly columns: readonly Column<Row>[];
  readonly actions: ((row: Row) => ReactNode) | undefined;
  readonly onOpen: ((row: Row) => void) | undefined;
  /** Where it stands in a list that is not drawn whole, its head being 1. */
  readonly index: number | undefined;
}) {
  return (
    <tr
      aria-rowindex={index}
      className={join("border-b border-line last:border-0 md:hover:bg-sunken/60", onOpen && "cursor-pointer")}
      onClick={onOpen && (() => onOpen(row))}
    >
      {columns.map((column) => (
        <td key={column.id} className={join(cellClass(column), "h-12 py-2 align-middle")}>
          {column.cell(row)}
        </td>
      ))}
      {actions && (
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to what is in it; only clicks would go on to the row.
        <td
          className="px-2 text-right max-md:sticky max-md:right-0 max-md:bg-surface"
          onClick={(event) => event.stopPropagation()}
        >
          {actions(row)}
        </td>
      )}
    </tr>
  );
}

/** Up, down, as it came; of all of a list the most first. */
function nextSort(sort: string | undefined, id: string, isDownFirst: boolean): string | undefined {
  const [first, second] = isDownFirst ? [`-${id}`, id] : [id, `-${id}`];
  if (sort === first) return second;
  return sort === second ? undefined : first;
}

/** A page of all begins anew in another order. */
function toSort(sort: string | undefined, isOfAll: boolean): Search {
  return isOfAll ? { sort, cursor: undefined } : { sort };
}

function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: string | undefined,
): readonly Row[] {
  const by = columns.find(({ id }) => id === sort?.replace(/^-/, ""))?.sort;
  if (!by) return rows;
  const sign = sort?.startsWith("-") ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [by(a), by(b)];
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
  });
}
