import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { IconButton } from "./button.tsx";
import { join } from "./join.ts";
import { useUiTexts } from "./texts.ts";

export interface DialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children: ReactNode;
  readonly isWide?: boolean;
  /** False where what it shows is gone when it closes: a stray click does not close it. */
  readonly closesOutside?: boolean;
}

/**
 * A dialog: focus stays inside, Escape closes it. The page behind is darkened by an element of ours and held by CSS: Radix' own overlay
 * writes a style element, which the content policy refuses.
 */
export function Dialog(props: DialogProps) {
  const { isOpen, onClose, title, description, children, isWide = false, closesOutside = true } = props;
  const t = useUiTexts();
  return (
    <Radix.Root open={isOpen} onOpenChange={(open) => open || onClose()}>
      <Radix.Portal>
        <div data-modal className="fixed inset-0 z-40 bg-black/45" />
        <Radix.Content
          {...(description === undefined && { "aria-describedby": undefined })}
          onInteractOutside={(event) => closesOutside || event.preventDefault()}
          className={join(
            "appear fixed inset-x-0 bottom-0 z-50 mx-auto flex max-h-[92dvh] w-full flex-col rounded-t-xl border border-line bg-surface shadow-float outline-none sm:top-[12vh] sm:bottom-auto sm:max-h-[80vh] sm:rounded-xl",
            isWide ? "sm:max-w-2xl" : "sm:max-w-md",
          )}
        >
          <header className="flex items-start gap-3 px-5 pt-4 pb-1">
            <div className="min-w-0 flex-1">
              <Radix.Title className="text-base font-semibold">{title}</Radix.Title>
              {description !== undefined && (
                <Radix.Description className="mt-1 text-sm text-ink-soft">{description}</Radix.Description>
              )}
            </div>
            <Radix.Close asChild>
              <IconButton label={t("close")}>
                <X aria-hidden className="size-4" />
              </IconButton>
            </Radix.Close>
          </header>
          <div className="overflow-y-auto px-5 pt-3 pb-5">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
