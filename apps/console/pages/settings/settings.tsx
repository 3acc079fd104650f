import { Sessions } from "../../app/people/sessions.tsx";
import { PageHeader } from "../../ui/page-parts.tsx";
import { Factors } from "./factors.tsx";
import { OwnData } from "./own-data.tsx";
import { Email, Password } from "./password.tsx";
import { Profile } from "./profile.tsx";
import { useSettingsTexts } from "./texts.ts";

/** One's own account: what one is called, how one signs in, and where one is signed in. */
export function Page() {
  const t = useSettingsTexts();
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      <div className="grid max-w-3xl gap-5">
        <Profile />
        <Email />
        <Password />
        <Factors />
        <Sessions hint={t("sessionsHint")} />
        <OwnData />
      </div>
    </>
  );
}
