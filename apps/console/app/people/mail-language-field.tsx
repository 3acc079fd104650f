import { SelectField } from "../../ui/form.tsx";
import { useLanguage } from "../language.ts";

/** In which language somebody is written to: at first that of who asks for it. */
export function MailLanguageField({ label }: { readonly label: string }) {
  return (
    <SelectField
      name="locale"
      label={label}
      options={[
        ["en_US", "English"],
        ["zh_CN", "简体中文"],
      ]}
      defaultValue={useLanguage() === "zh-CN" ? "zh_CN" : "en_US"}
    />
  );
}
