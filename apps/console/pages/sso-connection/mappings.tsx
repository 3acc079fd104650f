import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listGroups } from "../../api/gen/client.ts";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { useCan } from "../../app/session.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Section } from "../../ui/section.tsx";
import { MappingRows, Pick } from "./mapping-rows.tsx";
import { useConnectionTexts } from "./texts.ts";
import { useChange } from "./use-change.ts";

const groupRoles = ["member", "viewer", "admin"] as const;

/** Where in the provider's word a person's facts stand, and what the groups that it names give here. */
export function Mappings({ connection }: { readonly connection: Connection }) {
  const t = useConnectionTexts();
  const people = usePeopleTexts();
  const change = useChange(connection);
  const [groups, setGroups] = useState<Connection["group_mapping"]>(connection.group_mapping);
  const [roles, setRoles] = useState<Connection["role_mapping"]>(connection.role_mapping);
  const { options } = useRoles();
  const roleOptions = options.filter(([name]) => name !== "owner");
  const groupOptions = useGroupOptions(groups);
  const send = ({ email, name, groups: groupsField }: FormValues) =>
    change(
      {
        claims: { email, name, groups: groupsField },
        group_mapping: groups,
        role_mapping: roles,
      },
      t("wasSaved"),
    );
  const claim = { required: true, maxLength: 200, autoComplete: "off", className: "font-mono text-[13px]" } as const;
  const { claims } = connection;
  return (
    <Section title={t("mappings")} hint={t("mappingsHint")}>
      <Form onSend={send}>
        <div className="grid gap-4 sm:grid-cols-3">
          <TextField {...claim} name="email" label={t("claimEmail")} defaultValue={claims.email} />
          <TextField {...claim} name="name" label={t("claimName")} defaultValue={claims.name} />
          <TextField {...claim} name="groups" label={t("claimGroups")} defaultValue={claims.groups} />
        </div>
        <MappingRows
          {...{ title: t("toGroups"), hint: t("toGroupsHint"), rows: groups, onChange: setGroups }}
          blank={{ value: "", group_id: groupOptions[0]?.[0] ?? "", role: "member" }}
          isOffered={groupOptions.length > 0}
        >
          {(row, set) => (
            <>
              <Pick
                label={t("group")}
                value={row.group_id}
                options={groupOptions}
                onChange={(group_id) => set({ ...row, group_id })}
              />
              <Pick
                label={people("role")}
                value={row.role}
                options={groupRoles.map((one) => [one, people(`role.${one}`)] as const)}
                onChange={(role) => set({ ...row, role: role as typeof row.role })}
              />
            </>
          )}
        </MappingRows>
        <MappingRows
          {...{ title: t("toRoles"), hint: t("toRolesHint"), rows: roles, onChange: setRoles }}
          blank={{ value: "", role: "member" }}
        >
          {(row, set) => (
            <Pick
              label={people("role")}
              value={row.role}
              options={roleOptions}
              onChange={(role) => set({ ...row, role })}
            />
          )}
        </MappingRows>
        <FormButtons act={t("saveMappings")} />
      </Form>
    </Section>
  );
}

/** The tenant's groups, and such as are mapped and no longer listed. */
function useGroupOptions(mapped: Connection["group_mapping"]): readonly (readonly [string, string])[] {
  const { data } = useQuery({
    queryKey: ["list", "groups", "active"],
    queryFn: ({ signal }) => listGroups({ query: { status: "active", limit: 200 } }, { signal }),
    enabled: useCan()("group:read"),
  });
  const names = new Map(data?.data.map(({ id, name }) => [id, name]));
  for (const { group_id } of mapped) if (!names.has(group_id)) names.set(group_id, group_id);
  return [...names];
}
