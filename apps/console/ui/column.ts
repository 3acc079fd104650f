import type { ReactNode } from "react";

/** A column of a list, and of the file it is exported to. */
export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  /** What the CSV file holds; a column without is not in it. */
  readonly csv?: (row: Row) => string | number | null;
  /** What rows are sorted by; a column without is not sorted. */
  readonly sort?: (row: Row) => string | number;
  readonly align?: "end";
  /** Not shown on a phone. */
  readonly isMinor?: boolean;
}
