/** A page of a list, as the API has it. */
export interface ListPage<Row> {
  readonly data: readonly Row[];
  readonly next_cursor: string | null;
}

/** What the API is asked for: filters and search by their names, where the page begins, and with `isSortedByLoad` what all is sorted by. */
export type ListQuery = Readonly<Record<string, string | undefined>> & { readonly cursor?: string | undefined };
