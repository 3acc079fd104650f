import { ListFilter, Search as SearchIcon, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useSearchState } from "../app/search.ts";
import { Button } from "./button.tsx";
import { Menu, MenuChoice } from "./menu.tsx";
import { useUiTexts } from "./texts.ts";

/** Something a list is narrowed by: the API's name of it, and what there is to choose. */
export interface Filter {
  readonly name: string;
  readonly label: string;
  readonly options: readonly (readonly [value: string, text: string])[];
}

const typingMs = 250;

/** Search and filters of a list; each that is set is a chip that can be taken away. */
export function Filters({
  filters,
  searchField,
  searchHint,
}: {
  readonly filters: readonly Filter[];
  readonly searchField: string | undefined;
  readonly searchHint: string | undefined;
}) {
  const t = useUiTexts();
  const [search, setSearch] = useSearchState();
  const set = (name: string, value: string | undefined) => setSearch({ [name]: value, cursor: undefined });
  return (
    <>
      {searchField !== undefined && <SearchBox key={searchField} field={searchField} hint={searchHint} />}
      {filters.map(({ name, label, options }) => (
        <Menu
          key={name}
          align="start"
          trigger={
            <Button size="small" className="h-8 border-dashed">
              <ListFilter aria-hidden className="size-3.5" />
              {label}
            </Button>
          }
        >
          <MenuChoice
            label={label}
            value={search[name] ?? ""}
            options={options}
            onChange={(value) => set(name, value === search[name] ? undefined : value)}
          />
        </Menu>
      ))}
      {filters.flatMap(({ name, label, options }) => {
        const value = search[name];
        if (value === undefined) return [];
        const text = options.find(([one]) => one === value)?.[1] ?? value;
        return [
          <span
            key={name}
            className="inline-flex min-h-7 max-w-full items-center gap-1 rounded-2xl bg-accent-soft pr-1 pl-2.5 text-[13px] text-accent-strong"
          >
            <span className="min-w-0 wrap-anywhere">{t("chosen", { name: label, value: text })}</span>
            <button
              type="button"
              aria-label={t("clearFilter", { name: label })}
              className="grid size-5 shrink-0 place-items-center rounded-full hover:bg-surface"
              onClick={() => set(name, undefined)}
            >
              <X aria-hidden className="size-3" />
            </button>
          </span>,
        ];
      })}
    </>
  );
}

function SearchBox({ field, hint }: { readonly field: string; readonly hint: string | undefined }) {
  const t = useUiTexts();
  const [search, setSearch] = useSearchState();
  const [text, setText] = useState(search[field] ?? "");
  const set = useRef(setSearch);
  set.current = setSearch;
  const shown = search[field] ?? "";
  useEffect(() => {
    if (text === shown) return;
    const timer = setTimeout(
      () => set.current({ [field]: text || undefined, cursor: undefined }, { replaces: true }),
      typingMs,
    );
    return () => clearTimeout(timer);
  }, [text, shown, field]);
  return (
    <label className="relative block w-full sm:w-72">
      <span className="sr-only">{hint ?? t("search")}</span>
      <SearchIcon aria-hidden className="absolute top-2 left-2.5 size-4 text-ink-soft" />
      <input
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        placeholder={hint ?? t("search")}
        className="h-8 w-full rounded-md border border-line bg-surface pr-2 pl-8 text-sm"
      />
    </label>
  );
}
