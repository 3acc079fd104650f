import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listPermissions, setGroupPermissions } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { permits, sessionQuery, useCan } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { PermissionList } from "../../ui/permission-list.tsx";
import { PermissionPicker } from "../../ui/permission-picker.tsx";
import { Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import type { Group } from "./group-type.ts";
import { useGroupTexts } from "./texts.ts";

interface Given {
  readonly group: Group;
  readonly onChanged: () => Promise<void>;
}

/** What members of a group may do in the tenant, besides what their own role lets them. */
export function Permissions({ group, onChanged }: Given) {
  const t = useGroupTexts();
  const can = useCan();
  const [isOpen, setOpen] = useState(false);
  const mayChange = can("group:manage") && can("tenant:read") && group.status === "active";
  return (
    <Section
      title={t("permissions")}
      hint={t("permissionsHint")}
      actions={
        mayChange && (
          <Button size="small" onClick={() => setOpen(true)}>
            {t("change")}
          </Button>
        )
      }
    >
      {group.permissions.length === 0 ? (
        <p className="text-ink-soft">{t("noPermissions")}</p>
      ) : (
        <PermissionList permissions={group.permissions} />
      )}
      {isOpen && <Change group={group} onChanged={onChanged} onClose={() => setOpen(false)} />}
    </Section>
  );
}

function Change({ group, onChanged, onClose }: Given & { readonly onClose: () => void }) {
  const t = useGroupTexts();
  const [chosen, setChosen] = useState<readonly string[]>(group.permissions);
  const { data: session } = useQuery(sessionQuery);
  const { data: offered } = useQuery({
    queryKey: ["permissions", useLanguage()],
    queryFn: ({ signal }) => listPermissions({}, { signal }),
  });
  const send = async () => {
    await setGroupPermissions({
      path: { id: group.id },
      header: { "If-Match": `"${group.version}"` },
      body: { permissions: chosen },
    });
    await onChanged();
    toast(t("permissionsChanged", { name: group.name }));
    onClose();
  };
  return (
    <Dialog isOpen isWide onClose={onClose} title={t("permissionsTitle", { name: group.name })}>
      <Form onSend={send}>
        <PermissionPicker
          label={t("permissionsPick")}
          offered={offered?.data ?? []}
          chosen={chosen}
          isDisabled={(permission) => !permits(session?.permissions ?? [], permission)}
          onChange={setChosen}
        />
        <FormButtons act={t("savePermissions")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
