import type { ReactNode } from "react";
import { wordsOf } from "../../app/audit/acts.ts";
import { type Change, detailValues, nameWordsOf, readChange } from "../../app/audit/details.ts";
import { useLanguage } from "../../app/language.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { permissionName } from "../../app/permissions/permission-name.ts";
import { Fact } from "../../ui/section.tsx";
import { formatMoney, Time } from "../../ui/values.tsx";
import { useAuditTexts } from "./texts.ts";

type Fields = Readonly<Record<string, unknown>>;
type NameOf = (id: string) => string;

const roleNames = new Set(["role", "roles", "previousRole", "defaultRole"]);
/** What people have written themselves is shown as it is, whatever word it is. */
const ownTexts = new Set(["name", "title", "label", "domain", "domains", "tool", "server"]);

/** An act's details in words: money as money, times as times, people and roles by what they are called. */
export function Details({ details, nameOf }: { readonly details: Fields; readonly nameOf: NameOf }) {
  const language = useLanguage();
  const hasMoney = Object.keys(details).some((name) => name.endsWith("Nanos"));
  return Object.entries(details)
    .filter(([name]) => name !== "currency" || !hasMoney)
    .map(([name, value]) => (
      <Fact key={name} name={nameWordsOf(name)?.[language === "zh-CN" ? 1 : 0] ?? name}>
        <Value {...{ name, value, nameOf }} currency={String(details["currency"] ?? "USD")} />
      </Fact>
    ));
}

interface ValueProps {
  readonly name: string;
  readonly value: unknown;
  readonly currency: string;
  readonly nameOf: NameOf;
}

function Value({ name, value, currency, nameOf }: ValueProps): ReactNode {
  const t = useAuditTexts();
  const language = useLanguage();
  const textOf = useText(nameOf);
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (Array.isArray(value)) return value.map((one) => textOf(name, String(one))).join(", ") || t("noneOf");
  if (typeof value === "object" && value !== null) {
    return (
      <dl className="grid gap-2 border-l border-line pl-3">
        <Details details={value as Fields} nameOf={nameOf} />
      </dl>
    );
  }
  const text = String(value);
  if (name.endsWith("Nanos")) return formatMoney(text, language, currency);
  if (name.endsWith("AtMs")) return <Time at={new Date(Number(text)).toISOString()} />;
  if (name.endsWith("At")) return <Time at={text} />;
  if (typeof value === "number" || name === "tokensPerMinute") {
    return new Intl.NumberFormat(language).format(Number(text));
  }
  const change = name === "detail" ? readChange(text) : undefined;
  if (change) return <Changed change={change} nameOf={nameOf} />;
  const shown = textOf(name, text);
  return (
    <>
      {shown}
      {shown !== text && name.endsWith("Id") && (
        <code className="block font-mono text-xs wrap-anywhere text-ink-soft">{text}</code>
      )}
    </>
  );
}

function Changed({ change: { field, before, after, reason }, nameOf }: { change: Change; readonly nameOf: NameOf }) {
  const language = useLanguage();
  const textOf = useText(nameOf);
  const name = nameWordsOf(field)?.[language === "zh-CN" ? 1 : 0] ?? field;
  return (
    <>
      {name}
      {before !== undefined && after !== undefined && `: ${textOf(field, before)} → ${textOf(field, after)}`}
      {reason !== undefined && <span className="block text-ink-soft">{reason}</span>}
    </>
  );
}

function useText(nameOf: NameOf): (name: string, text: string) => string {
  const language = useLanguage();
  const { titleOf } = useRoles();
  return (name, text) => {
    if (ownTexts.has(name)) return text;
    if (roleNames.has(name)) return titleOf(text);
    if (name === "permissions") return permissionName(text, language);
    if (name === "changedFields") return nameWordsOf(text)?.[language === "zh-CN" ? 1 : 0] ?? text;
    return wordsOf(detailValues, nameOf(text), language);
  };
}
