import { Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";

/** From one of a list back to all of it. */
export function BackLink({ to, text }: { readonly to: string; readonly text: string }) {
  return (
    <Link to={to} className="mb-2 inline-flex items-center gap-1 text-sm text-ink-soft hover:text-ink">
      <ArrowLeft aria-hidden className="size-4" />
      {text}
    </Link>
  );
}
