import { IdCard, Pencil, Trash2 } from "lucide-react";
import { listRoles, removeRole } from "../../api/gen/client.ts";
import { language } from "../../app/language.ts";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { permissionName } from "../../app/permissions/permission-name.ts";
import { useCan } from "../../app/session.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { PermissionNames } from "../../ui/permission-names.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { EditRole } from "./edit-role.tsx";
import type { Role } from "./role.ts";
import { useRolesTexts } from "./texts.ts";

type Open = { readonly what: "create" } | { readonly what: "edit" | "remove"; readonly role: Role };

/** What people of the tenant may be: the roles that there always are, and its own. */
export function Page() {
  const t = useRolesTexts();
  const mayChange = useCan()("role:manage");
  const parts = useUiTexts();
  const { open, setOpen, close, changed } = useListDialog<Open>("roles");
  const actions = (role: Role) =>
    !role.built_in && (
      <RowMenu
        label={parts("actionsOf", { name: role.title || role.name })}
        acts={[
          { text: t("edit"), icon: Pencil, act: () => setOpen({ what: "edit", role }) },
          { text: t("remove"), icon: Trash2, isDanger: true, act: () => setOpen({ what: "remove", role }) },
        ]}
      />
    );
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={mayChange && <AddButton text={t("create")} onClick={() => setOpen({ what: "create" })} />}
      />
      <DataTable
        name="roles"
        columns={useColumns()}
        rowKey={({ name }) => name}
        load={loadRoles}
        searchField="q"
        filters={[
          {
            ...{ name: "kind", label: t("kind") },
            options: [
              ["own", t("own")],
              ["builtIn", t("builtIn")],
            ],
          },
        ]}
        empty={
          <EmptyState icon={<IdCard aria-hidden className="size-5" />} title={t("emptyTitle")}>
            {t("empty")}
          </EmptyState>
        }
        {...(mayChange && { actions })}
      />
      {open?.what === "create" && <EditRole onClose={close} onSaved={changed} />}
      {open?.what === "edit" && <EditRole role={open.role} onClose={close} onSaved={changed} />}
      {open?.what === "remove" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("removeTitle", { name: open.role.title || open.role.name })}
          losses={[t("removeLoss1"), t("removeLoss2")]}
          act={t("remove")}
          onConfirm={async () => {
            const { name } = open.role;
            await removeRole({ path: { id: "me", name } });
            await changed(t("wasRemoved", { name }));
          }}
        />
      )}
    </>
  );
}

const loadRoles = narrowHere(
  ["q", "kind"],
  (_query, signal) => listRoles({ path: { id: "me" } }, { signal }),
  ({ name, title, description, permissions, built_in }: Role, { q, kind }) =>
    has([name, title, description, ...permissions, ...permissions.map((one) => permissionName(one, language()))], q) &&
    (!kind || built_in === (kind === "builtIn")),
);

const builtInNames = ["owner", "admin", "member", "viewer"] as const;

function useColumns(): readonly Column<Role>[] {
  const t = useRolesTexts();
  const parts = usePeopleTexts();
  const titleOf = ({ name, title }: Role) => {
    const builtIn = builtInNames.find((one) => one === name);
    return builtIn ? parts(`role.${builtIn}`) : title || name;
  };
  return [
    {
      ...{ id: "title", title: t("role"), csv: titleOf, sort: titleOf },
      cell: (role) => (
        <span className="block min-w-24 md:min-w-36">
          <span className="font-medium">{titleOf(role)}</span>
          <code className="block font-mono text-xs text-ink-soft">{role.name}</code>
        </span>
      ),
    },
    {
      ...{ id: "kind", title: t("kind"), csv: (role) => (role.built_in ? t("builtIn") : t("own")), isMinor: true },
      cell: (role) => (
        <Badge tone={role.built_in ? "neutral" : "accent"}>{role.built_in ? t("builtIn") : t("own")}</Badge>
      ),
    },
    {
      ...{ id: "permissions", title: t("permissions"), csv: ({ permissions }) => permissions.join(" ") },
      cell: ({ permissions, description }) => (
        <span className="block min-w-36 md:min-w-48">
          {description && <span className="block">{description}</span>}
          {permissions.includes("*") ? (
            <span className="text-[13px] text-ink-soft">{t("everything")}</span>
          ) : (
            <PermissionNames permissions={permissions} />
          )}
        </span>
      ),
    },
    {
      ...{ id: "changed", title: t("changed"), csv: (role) => role.updated_at, isMinor: true },
      cell: (role) => <Time at={role.updated_at} none="–" />,
    },
  ];
}
