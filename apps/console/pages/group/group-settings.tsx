import { useQuery } from "@tanstack/react-query";
import { listGroups, moveGroup, updateGroup } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { Form, type FormValues, SelectField, TextArea, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import type { Group } from "./group-type.ts";
import { useGroupTexts } from "./texts.ts";

interface Given {
  readonly group: Group;
  readonly onChanged: () => Promise<void>;
}

/** Name, description, whom it takes in by itself, and where it stands. */
export function GroupSettings({ group, onChanged }: Given) {
  const t = useGroupTexts();
  const mayChange = useCan()("group:update") && group.status === "active";
  const { id, name, description, join_role, parent_id, version } = group;
  const { data: groups } = useQuery({
    queryKey: ["list", "groups", "active"],
    queryFn: ({ signal }) => listGroups({ query: { status: "active", limit: 200 } }, { signal }),
    enabled: mayChange,
  });
  const send = async (values: FormValues) => {
    const wanted = values["parent_id"] ?? null;
    const changed = await updateGroup({
      path: { id },
      header: { "If-Match": `"${version}"` },
      body: {
        name: values["name"],
        description: values["description"] ?? "",
        join_role: (values["join_role"] ?? null) as Group["join_role"],
      },
    });
    if (wanted !== parent_id) {
      const header = { "If-Match": `"${changed.version}"` };
      // What could not be moved has its new name all the same.
      await moveGroup({ path: { id }, header, body: { parent_id: wanted } }).catch(async (err: unknown) => {
        await onChanged();
        throw err;
      });
    }
    await onChanged();
    toast(t("saved"));
  };
  if (!mayChange) return null;
  const isListed = parent_id === null || groups?.data.some((one) => one.id === parent_id);
  const parents = (groups?.data ?? []).filter((one) => one.id !== id).map((one) => [one.id, one.name] as const);
  return (
    <Section title={t("settings")}>
      <Form key={String(groups !== undefined)} onSend={send}>
        <TextField name="name" label={t("name")} defaultValue={name} required maxLength={100} autoComplete="off" />
        <TextArea
          name="description"
          label={t("about")}
          defaultValue={description}
          isOptional
          maxLength={1_000}
          rows={2}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            name="parent_id"
            label={t("above")}
            options={[
              ["", t("noParent")],
              ...(isListed || parent_id === null ? [] : [[parent_id, parent_id] as const]),
              ...parents,
            ]}
            defaultValue={parent_id ?? ""}
          />
          <SelectField
            name="join_role"
            label={t("joinRole")}
            hint={t("joinRoleHint")}
            options={[
              ["", t("noJoin")],
              ...(["viewer", "member", "admin"] as const).map((role) => [role, t(`role.${role}`)] as const),
            ]}
            defaultValue={join_role ?? ""}
          />
        </div>
        <FormButtons act={t("save")} />
      </Form>
    </Section>
  );
}
