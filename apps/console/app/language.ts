import i18next from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";

export const languages = { en: "English", "zh-CN": "简体中文" } as const;
export type Language = keyof typeof languages;

const stored = "lyss.language";

function preferred(): Language {
  const wanted = localStorage.getItem(stored) ?? navigator.language;
  return wanted.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

void i18next.use(initReactI18next).init({
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

/** The language as React sees it change. */
export function useLanguage(): Language {
  return useTranslation().i18n.language as Language;
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
  for (const one of Object.keys(languages) as Language[]) i18next.addResourceBundle(one, name, texts[one]);
  // biome-ignore lint/correctness/noComponentHookFactories: made once for each page, outside all components
  return function useTexts() {
    const { t } = useTranslation(name);
    return t as unknown as (key: Key, values?: Values) => string;
  };
}
