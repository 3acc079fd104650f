import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Menu as MenuIcon, Search, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Button, buttonClass, IconButton } from "../ui/button.tsx";
import { EmptyState } from "../ui/page-parts.tsx";
import { ProblemNote } from "../ui/problem-note.tsx";
import { useUiTexts } from "../ui/texts.ts";
import { zone } from "../ui/values.tsx";
import { AccountMenu } from "./account-menu.tsx";
import { CommandPalette } from "./command-palette.tsx";
import { navGroups, type Page, pages } from "./define-page.ts";
import { useLanguage } from "./language.ts";
import { usePermissionName } from "./permissions/permission-name.ts";
import { sessionQuery, tenantQuery, useCan } from "./session.ts";
import { useAppTexts } from "./texts.ts";

/** Navigation, command palette and account around the page. */
export function Shell() {
  const t = useAppTexts();
  const [isNavOpen, setNavOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const { data: session, error, refetch } = useQuery(sessionQuery);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever went somewhere has chosen
  useEffect(() => setNavOpen(false), [pathname]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      setPaletteOpen((isOpen) => !isOpen);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <div className="flex min-h-dvh max-md:flex-col">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        {t("skip")}
      </a>
      <header className="sticky top-0 z-30 flex h-13 items-center gap-1 border-b border-line bg-surface px-2 md:hidden">
        <IconButton label={t("openNavigation")} aria-expanded={isNavOpen} onClick={() => setNavOpen(!isNavOpen)}>
          {isNavOpen ? <X aria-hidden className="size-5" /> : <MenuIcon aria-hidden className="size-5" />}
        </IconButton>
        <Brand />
        <div className="ml-auto">
          <IconButton label={t("search")} onClick={() => setPaletteOpen(true)}>
            <Search aria-hidden className="size-4.5" />
          </IconButton>
        </div>
      </header>
      <aside
        aria-label={t("navigation")}
        className={`${isNavOpen ? "flex" : "hidden"} w-full shrink-0 flex-col border-line bg-sunken/50 max-md:border-b md:sticky md:top-0 md:flex md:h-dvh md:w-58 md:border-r`}
      >
        <div className="hidden px-3 pt-3.5 pb-2 md:block">
          <Brand />
        </div>
        <div className="hidden px-3 pb-2 md:block">
          <button
            type="button"
            onClick={() => setPaletteOpen(true)}
            className="flex h-8 w-full items-center gap-2 rounded-md border border-line bg-surface px-2 text-[13px] text-ink-soft hover:text-ink"
          >
            <Search aria-hidden className="size-3.5" />
            <span className="flex-1 text-left">{t("search")}</span>
            <kbd className="rounded border border-line px-1 font-sans text-[11px]">{shortcut}</kbd>
          </button>
        </div>
        <Navigation />
        <div className="mt-auto border-t border-line p-2">
          <AccountMenu />
        </div>
      </aside>
      <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none">
        <div className="mx-auto max-w-6xl px-4 py-6 md:px-8 md:py-8">
          {session || !error ? session && <Outlet /> : <ProblemNote problem={error} onRetry={() => void refetch()} />}
          {session && <p className="mt-10 text-xs text-ink-soft">{t("timeZone", { zone })}</p>}
        </div>
      </main>
      <CommandPalette isOpen={isPaletteOpen} onClose={() => setPaletteOpen(false)} />
    </div>
  );
}

const shortcut = /mac|iphone|ipad/i.test(navigator.userAgent) ? "⌘K" : "Ctrl K";

function Brand() {
  const { data: tenant } = useQuery(tenantQuery);
  return (
    <Link to="/" className="flex min-w-0 items-center gap-2 rounded-md px-1 py-1">
      <img src="/favicon.svg" alt="" className="size-6" />
      <span className="font-semibold tracking-tight">Lyss</span>
      {tenant && <span className="min-w-0 text-[13px] leading-tight text-ink-soft wrap-anywhere">{tenant.name}</span>}
    </Link>
  );
}

function Navigation() {
  const t = useAppTexts();
  const language = useLanguage();
  const can = useCan();
  return (
    <nav aria-label={t("navigation")} className="overflow-y-auto px-2 py-1">
      {navGroups.map((group) => {
        const shown = pages.filter(({ nav, permission }) => nav?.group === group && can(permission));
        const title = group === "start" ? undefined : t(`group.${group}`);
        if (shown.length === 0) return null;
        return (
          <div key={group} className="mb-3">
            {title && <h2 className="px-2 pt-1 pb-1 text-xs font-medium text-ink-soft">{title}</h2>}
            <ul>
              {shown.map(({ path, title: names, nav }) => (
                <li key={path}>
                  <Link
                    to={path}
                    className="flex h-8 items-center gap-2.5 rounded-md px-2 text-[13.5px] text-ink-soft hover:bg-sunken hover:text-ink data-[status=active]:bg-accent-soft data-[status=active]:font-medium data-[status=active]:text-accent-strong max-md:h-10"
                  >
                    {nav && <nav.icon aria-hidden className="size-4" />}
                    {names[language]}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

/** Names the page in the window, and moves the focus to it when it is opened. */
export function PageFrame({ page, children }: { readonly page: Page; readonly children: ReactNode }) {
  const t = useAppTexts();
  const language = useLanguage();
  const nameOf = usePermissionName();
  const isAllowed = useCan()(page.permission);
  const title = page.title[language];
  useEffect(() => {
    document.title = `${title} · Lyss`;
  }, [title]);
  useEffect(() => {
    if (document.activeElement === document.body) document.getElementById("content")?.focus({ preventScroll: true });
  }, []);
  if (isAllowed) return children;
  return (
    <EmptyState heading="h1" title={t("notAllowed")}>
      {page.permission?.startsWith("platform:")
        ? t("operatorsOnly")
        : t("notAllowedHint", { permission: nameOf(page.permission ?? "") })}
    </EmptyState>
  );
}

export function NotFound() {
  const t = useAppTexts();
  return (
    <main className="grid min-h-dvh place-items-center">
      <EmptyState
        heading="h1"
        title={t("notFound")}
        action={
          <Link to="/" className={buttonClass("primary")}>
            {t("toStart")}
          </Link>
        }
      >
        {t("notFoundHint")}
      </EmptyState>
    </main>
  );
}

/** In place of a page that threw. */
export function Broken({ error }: { readonly error: unknown }) {
  const t = useUiTexts();
  return (
    <div className="mx-auto max-w-lg space-y-4 py-10">
      <h1 className="text-lg font-semibold">{t("unexpected")}</h1>
      <p className="text-ink-soft">{t("unexpectedHint")}</p>
      <ProblemNote problem={error} />
      <Button look="primary" onClick={() => location.reload()}>
        {t("reload")}
      </Button>
    </div>
  );
}
