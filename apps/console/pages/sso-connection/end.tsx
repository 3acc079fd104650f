import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { deleteSsoConnection } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { useConnectionTexts } from "./texts.ts";
import { useChange } from "./use-change.ts";

/** Takes a connection out of use for a while, or for good, once it was said who is shut out. */
export function End({ connection }: { readonly connection: Connection }) {
  const t = useConnectionTexts();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const change = useChange(connection);
  const [asked, setAsked] = useState<"disable" | "remove">();
  const { id, name, enabled } = connection;
  const remove = async () => {
    await deleteSsoConnection({ path: { id } });
    await navigate({ to: paths.sso() } as never);
    await cache.invalidateQueries({ queryKey: ["list", "sso"] });
    toast(t("wasRemoved", { name }));
  };
  return (
    <>
      <Section
        title={t("end")}
        hint={t("endHint")}
        actions={
          <>
            {enabled && <Button onClick={() => setAsked("disable")}>{t("disable")}</Button>}
            <Button look="danger" onClick={() => setAsked("remove")}>
              {t("remove")}
            </Button>
          </>
        }
      />
      {asked === "disable" && (
        <Confirm
          isOpen
          onClose={() => setAsked(undefined)}
          title={t("disableTitle", { name })}
          losses={[t("disableLoss")]}
          act={t("disable")}
          onConfirm={() => change({ enabled: false }, t("wasDisabled", { name }))}
        />
      )}
      {asked === "remove" && (
        <Confirm
          isOpen
          onClose={() => setAsked(undefined)}
          title={t("removeTitle", { name })}
          losses={[t("removeLoss1"), t("removeLoss2")]}
          act={t("remove")}
          word={name}
          onConfirm={remove}
        />
      )}
    </>
  );
}
