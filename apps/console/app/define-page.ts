import type { LucideIcon } from "lucide-react";
import type { ComponentType } from "react";
import type { Language } from "./language.ts";

/** Where pages stand in the navigation, in this order. */
export const navGroups = ["start", "build", "observe", "money", "people", "operate"] as const;
export type NavGroup = (typeof navGroups)[number];

export interface Page {
  /** `/keys`, or `/keys/$id` for one of them. */
  readonly path: `/${string}`;
  readonly title: Readonly<Record<Language, string>>;
  /** Absent for a page that others lead to. */
  readonly nav?: { readonly group: NavGroup; readonly order: number; readonly icon: LucideIcon };
  /** Who lacks it does not see the page in the navigation. */
  readonly permission?: string;
  /** Further words under which the command palette finds it. */
  readonly keywords?: string;
  /** The component, in a chunk of its own. */
  readonly load: () => Promise<{ readonly Page: ComponentType }>;
}

/** A page as data. It stands in `pages/<name>/page.ts`, and is found there. */
export function definePage(page: Page): Page {
  return page;
}

const found = import.meta.glob<{ readonly page: Page }>("../pages/*/page.ts", { eager: true });

/** Every page, as the navigation has them. */
export const pages: readonly Page[] = Object.values(found)
  .map(({ page }) => page)
  .sort((a, b) => placeOf(a) - placeOf(b));

function placeOf({ nav }: Page): number {
  return nav ? navGroups.indexOf(nav.group) * 1_000 + nav.order : Number.POSITIVE_INFINITY;
}
