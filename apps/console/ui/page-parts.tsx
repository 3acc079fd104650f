import { Loader2 } from "lucide-react";
import type { ReactNode } from "react";
import { join } from "./join.ts";
import { useUiTexts } from "./texts.ts";

/** What a page begins with. The heading takes the focus when the page is opened. */
export function PageHeader({
  title,
  description,
  actions,
}: {
  readonly title: string;
  readonly description?: ReactNode;
  readonly actions?: ReactNode;
}) {
  return (
    <header className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <h1 id="page-title" tabIndex={-1} className="text-xl font-semibold tracking-tight">
          {title}
        </h1>
        {description && <p className="mt-1 max-w-2xl text-ink-soft">{description}</p>}
      </div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </header>
  );
}

export function Card({ children, className }: { readonly children: ReactNode; readonly className?: string }) {
  return <section className={join("rounded-xl border border-line bg-surface", className)}>{children}</section>;
}

const tones = {
  neutral: "bg-sunken text-ink-soft",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
  accent: "bg-accent-soft text-accent-strong",
} as const;

export function Badge({
  tone = "neutral",
  children,
}: {
  readonly tone?: keyof typeof tones;
  readonly children: ReactNode;
}) {
  return (
    <span
      className={join(
        "inline-flex h-5 items-center rounded-full px-2 text-xs font-medium whitespace-nowrap",
        tones[tone],
      )}
    >
      {children}
    </span>
  );
}

/** What stands where nothing is yet: what would be here, why one wants it, and the first step. Its title heads a page that has no other. */
export function EmptyState({
  icon,
  title,
  children,
  action,
  heading: Heading = "h2",
}: {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children: ReactNode;
  readonly action?: ReactNode;
  readonly heading?: "h1" | "h2";
}) {
  return (
    <div className="flex flex-col items-center px-6 py-14 text-center">
      {icon && (
        <div className="mb-3 grid size-10 place-items-center rounded-lg bg-accent-soft text-accent-strong">{icon}</div>
      )}
      <Heading className="font-semibold">{title}</Heading>
      <p className="mt-1 max-w-md text-ink-soft">{children}</p>
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}

export function Loading() {
  const t = useUiTexts();
  return (
    <p role="status" className="flex items-center justify-center gap-2 px-6 py-16 text-ink-soft">
      <Loader2 aria-hidden className="size-4 animate-spin" />
      {t("loading")}
    </p>
  );
}
