import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { BookOpen, ChevronsUpDown, LogOut, UserCog } from "lucide-react";
import { Menu, MenuChoice, MenuItem, MenuLine } from "../ui/menu.tsx";
import { type Language, languages, setLanguage, useLanguage } from "./language.ts";
import { paths } from "./paths.ts";
import { endSession, personQuery } from "./session.ts";
import { useAppTexts } from "./texts.ts";
import { setTheme, type Theme, useTheme } from "./theme.ts";

/** Who is signed in, language, theme, and the way out. */
export function AccountMenu() {
  const t = useAppTexts();
  const navigate = useNavigate();
  const { data: person } = useQuery(personQuery);
  const themes: readonly (readonly [Theme, string])[] = [
    ["system", t("theme.system")],
    ["light", t("theme.light")],
    ["dark", t("theme.dark")],
  ];
  const signOut = () => endSession(() => navigate({ to: paths.signIn() } as never));
  return (
    <Menu
      side="top"
      align="start"
      trigger={
        <button
          type="button"
          className="flex w-full items-center gap-2.5 rounded-md px-2 py-1.5 text-left hover:bg-sunken"
        >
          <span
            aria-hidden
            className="grid size-7 shrink-0 place-items-center rounded-full bg-accent-soft text-xs font-semibold text-accent-strong"
          >
            {(person?.name || person?.email || "·").slice(0, 1).toUpperCase()}
          </span>
          <span className="sr-only">{t("account")}</span>
          <span className="min-w-0 flex-1">
            <span className="block text-[13px] wrap-anywhere font-medium">{person?.name ?? "…"}</span>
            <span className="block text-xs wrap-anywhere text-ink-soft">{person?.email}</span>
          </span>
          <ChevronsUpDown aria-hidden className="size-3.5 text-ink-soft" />
        </button>
      }
    >
      <MenuChoice
        label={t("language")}
        value={useLanguage()}
        options={Object.entries(languages) as [Language, string][]}
        onChange={(wanted) => void setLanguage(wanted)}
      />
      <MenuChoice label={t("theme")} value={useTheme()} options={themes} onChange={setTheme} />
      <MenuLine />
      <MenuItem
        icon={<UserCog aria-hidden className="size-4" />}
        onSelect={() => void navigate({ to: paths.account() } as never)}
      >
        {t("ownAccount")}
      </MenuItem>
      <MenuItem
        icon={<BookOpen aria-hidden className="size-4" />}
        onSelect={() => window.open("/openapi.json", "_blank")}
      >
        {t("apiReference")}
      </MenuItem>
      <MenuItem icon={<LogOut aria-hidden className="size-4" />} onSelect={() => void signOut()}>
        {t("signOut")}
      </MenuItem>
    </Menu>
  );
}
