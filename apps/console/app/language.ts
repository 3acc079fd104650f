import i18next from "i18next";
import { createContext, createElement, type PropsWithChildren, useContext, useSyncExternalStore } from "react";

export const languages = { en: "English", "zh-CN": "简体中文" } as const;
export type Language = keyof typeof languages;

const stored = "lyss.language";

function preferred(): Language {
  const wanted = localStorage.getItem(stored) ?? navigator.language;
  return wanted.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

void i18next.init({
  lng: preferred(),
  fallbackLng: "en",
  resources: {},
  interpolation: { escapeValue: false },
  keySeparator: false,
  nsSeparator: false,
  initAsync: false,
  showSupportNotice: false,
} as Parameters<typeof i18next.init>[0]);
document.documentElement.lang = preferred();

/** The language that the person reads. */
export function language(): Language {
  return i18next.language as Language;
}

/** Changes it, here and for the next visit. */
export async function setLanguage(wanted: Language): Promise<void> {
  localStorage.setItem(stored, wanted);
  document.documentElement.lang = wanted;
  await i18next.changeLanguage(wanted);
}

const LanguageContext = createContext<Language>("en");

function onLanguage(tell: () => void): () => void {
  i18next.on("languageChanged", tell);
  return () => i18next.off("languageChanged", tell);
}

/** Around all that reads a language: it is drawn anew as the language changes. */
export function LanguageProvider({ children }: PropsWithChildren) {
  return createElement(LanguageContext, { value: useSyncExternalStore(onLanguage, language) }, children);
}

/**
 * The language as React sees it change. Read from a context, for a row of a list reads it ten times: a hook of its own each time that
 * listens for changes took most of what a row took.
 */
export function useLanguage(): Language {
  return useContext(LanguageContext);
}

type Values = Readonly<Record<string, string | number>>;

/**
 * The texts of a page or a part, in both languages; a text that one of them lacks does not compile. `{{name}}` stands for a value. What is
 * read instead of `rows` where `count` is 1 is called `rows_one`; Chinese has no such. Gives the hook that reads them.
 */
export function defineTexts<Key extends string>(
  name: string,
  texts: {
    readonly en: Readonly<Record<Key, string>>;
    readonly "zh-CN": Readonly<Record<Exclude<NoInfer<Key>, `${string}_one`>, string>>;
  },
): () => (key: Key, values?: Values) => string {
  const toReader = (one: Language) => {
    i18next.addResourceBundle(one, name, texts[one]);
    return i18next.getFixedT(one, name) as unknown as (key: Key, values?: Values) => string;
  };
  const readers = { en: toReader("en"), "zh-CN": toReader("zh-CN") };
  // biome-ignore lint/correctness/noComponentHookFactories: made once for each page, outside all components
  return function useTexts() {
    return readers[useLanguage()];
  };
}
