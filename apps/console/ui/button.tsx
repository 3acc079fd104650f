import { Loader2 } from "lucide-react";
import type { ComponentProps } from "react";
import { join } from "./join.ts";

const looks = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong border-transparent",
  secondary: "bg-surface text-ink border-line hover:bg-sunken",
  ghost: "bg-transparent text-ink-soft border-transparent hover:bg-sunken hover:text-ink",
  danger: "bg-surface text-bad border-line hover:bg-bad-soft",
} as const;

export interface ButtonProps extends ComponentProps<"button"> {
  readonly look?: keyof typeof looks;
  readonly size?: "small" | "usual";
  /** Something is under way: it spins and cannot be pressed again. */
  readonly isBusy?: boolean;
}

/** The classes of a button, for a link that looks like one. */
export function buttonClass(look: keyof typeof looks = "secondary", size: "small" | "usual" = "usual"): string {
  return join(
    "inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap transition-colors disabled:opacity-55",
    size === "small" ? "h-7 px-2 text-[13px]" : "h-9 px-3.5 text-sm",
    looks[look],
  );
}

export function Button({ look, size, isBusy = false, className, children, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
      className={join(buttonClass(look, size), className)}
    >
      {isBusy && <Loader2 aria-hidden className="size-4 animate-spin" />}
      {children}
    </button>
  );
}

/** A button that is an icon; its name is read out and shown as a hint. */
export function IconButton({ label, className, ...rest }: ButtonProps & { readonly label: string }) {
  return (
    <Button
      look="ghost"
      size="small"
      {...rest}
      aria-label={label}
      title={label}
      className={join("size-8 px-0! h-8!", className)}
    />
  );
}
