import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getProfile, type RemoveAvatarResponse, updateProfile } from "../../api/gen/client.ts";
import { setLanguage } from "../../app/language.ts";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { useSettingsTexts } from "./texts.ts";

const zones: readonly string[] = Intl.supportedValuesOf("timeZone");

/** Name, language and time zone. */
export function Profile() {
  const t = useSettingsTexts();
  const { data, error, refetch } = useQuery({
    queryKey: ["profile"],
    queryFn: ({ signal }) => getProfile({ path: { id: "me" } }, { signal }),
  });
  return (
    <Section title={t("profile")} hint={t("profileHint")}>
      {error && !data ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : data ? (
        <Fields key={data.version} profile={data} />
      ) : (
        <Loading />
      )}
    </Section>
  );
}

function Fields({ profile }: { readonly profile: RemoveAvatarResponse }) {
  const t = useSettingsTexts();
  const cache = useQueryClient();
  const send = async ({ name, locale, time_zone }: FormValues) => {
    const put = await updateProfile({
      path: { id: "me" },
      header: { "If-Match": `"${profile.version}"` },
      body: { name, locale: locale as "en_US", time_zone },
    });
    cache.setQueryData(["profile"], put);
    await Promise.all(["person", "list"].map((key) => cache.invalidateQueries({ queryKey: [key] })));
    if (put.locale !== profile.locale) await setLanguage(put.locale === "zh_CN" ? "zh-CN" : "en");
    toast(t("profileSaved"));
  };
  // A platform may know a zone that this browser does not.
  const known = zones.includes(profile.time_zone) ? zones : [profile.time_zone, ...zones];
  return (
    <Form onSend={send}>
      <TextField
        name="name"
        label={t("name")}
        defaultValue={profile.name}
        required
        maxLength={100}
        autoComplete="name"
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField
          name="locale"
          label={t("language")}
          hint={t("languageHint")}
          options={[
            ["en_US", "English"],
            ["zh_CN", "简体中文"],
          ]}
          defaultValue={profile.locale}
        />
        <SelectField
          name="time_zone"
          label={t("timeZone")}
          hint={t("timeZoneHint")}
          options={known.map((zone) => [zone, zone.replaceAll("_", " ")] as const)}
          defaultValue={profile.time_zone}
        />
      </div>
      <FormButtons act={t("saveProfile")} />
    </Form>
  );
}
