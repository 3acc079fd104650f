import { useNavigate } from "@tanstack/react-router";
import { Languages, LogOut, type LucideIcon, Moon, Sun } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useId, useState } from "react";
import { join } from "../ui/join.ts";
import { pages } from "./define-page.ts";
import { setLanguage, useLanguage } from "./language.ts";
import { paths } from "./paths.ts";
import { endSession, useCan } from "./session.ts";
import { useAppTexts } from "./texts.ts";
import { setTheme, useShownTheme } from "./theme.ts";

interface Command {
  readonly id: string;
  readonly text: string;
  /** What it is found by, besides. */
  readonly words: string;
  readonly icon: LucideIcon | undefined;
  readonly run: () => void;
}

/** Everything that can be gone to or done, by typing (Ctrl or Cmd and K). */
export function CommandPalette({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const t = useAppTexts();
  return (
    <Radix.Root open={isOpen} onOpenChange={(open) => open || onClose()}>
      <Radix.Portal>
        <div data-modal className="fixed inset-0 z-40 bg-black/45" />
        <Radix.Content
          aria-describedby={undefined}
          className="appear fixed inset-x-3 top-[12vh] z-50 mx-auto max-w-xl overflow-hidden rounded-xl border border-line bg-surface shadow-float outline-none"
        >
          <Radix.Title className="sr-only">{t("palette")}</Radix.Title>
          <Commands onClose={onClose} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Commands({ onClose }: { readonly onClose: () => void }) {
  const t = useAppTexts();
  const listId = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = useCommands().filter((one) =>
    words.every((word) => `${one.text} ${one.words}`.toLowerCase().includes(word)),
  );
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && found.length > 0) {
      event.preventDefault();
      setAt((at + step + found.length) % found.length);
    }
    if (event.key === "Enter" && !event.nativeEvent.isComposing) run(found[at]);
  };
  return (
    <>
      <input
        role="combobox"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={found[at] && `${listId}-${at}`}
        aria-label={t("search")}
        placeholder={t("search")}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
        className="h-12 w-full border-b border-line bg-transparent px-4 text-[15px] outline-none"
      />
      <div id={listId} role="listbox" aria-label={t("palette")} className="max-h-80 overflow-y-auto p-1.5">
        {found.length === 0 && <p className="px-3 py-6 text-center text-ink-soft">{t("paletteEmpty")}</p>}
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are taken by the box above
          <div
            key={command.id}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => run(command)}
            onPointerMove={() => setAt(index)}
            className={join("flex h-10 items-center gap-3 rounded-md px-3", index === at && "bg-sunken")}
          >
            {command.icon && <command.icon aria-hidden className="size-4 text-ink-soft" />}
            {command.text}
          </div>
        ))}
      </div>
    </>
  );
}

function useCommands(): readonly Command[] {
  const t = useAppTexts();
  const language = useLanguage();
  const navigate = useNavigate();
  const can = useCan();
  const isDark = useShownTheme() === "dark";
  const toPages = pages
    .filter(({ nav, permission }) => nav && can(permission))
    .map(({ path, title, nav, keywords = "" }) => ({
      ...{ id: path, text: title[language], icon: nav?.icon },
      words: `${Object.values(title).join(" ")} ${keywords}`,
      run: () => void navigate({ to: path } as never),
    }));
  const next = language === "en" ? "zh-CN" : "en";
  return [
    ...toPages,
    {
      ...{ id: "language", text: next === "en" ? "English" : "简体中文", words: "language 语言", icon: Languages },
      run: () => void setLanguage(next),
    },
    {
      ...{
        id: "theme",
        text: t(isDark ? "theme.light" : "theme.dark"),
        words: "theme 主题",
        icon: isDark ? Sun : Moon,
      },
      run: () => setTheme(isDark ? "light" : "dark"),
    },
    {
      ...{ id: "out", text: t("signOut"), words: "log out 退出", icon: LogOut },
      run: () => void endSession(() => navigate({ to: paths.signIn() } as never)),
    },
  ];
}
