import { useQueryClient } from "@tanstack/react-query";
import { IdCard, MoreHorizontal, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { listRoles, removeRole } from "../../api/gen/client.ts";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { useCan } from "../../app/session.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Menu, MenuItem } from "../../ui/menu.tsx";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { toast } from "../../ui/toast.tsx";
import { Time } from "../../ui/values.tsx";
import { EditRole } from "./edit-role.tsx";
import type { Role } from "./role.ts";
import { useRolesTexts } from "./texts.ts";

type Open = { readonly what: "create" } | { readonly what: "edit" | "remove"; readonly role: Role };

/** What people of the tenant may be: the roles that there always are, and its own. */
export function Page() {
  const t = useRolesTexts();
  const mayChange = useCan()("role:manage");
  const cache = useQueryClient();
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const refresh = () => cache.invalidateQueries({ queryKey: ["list", "roles"] });
  const remove = async ({ name }: Role) => {
    await removeRole({ path: { id: "me", name } });
    await refresh();
    toast(t("wasRemoved", { name }));
  };
  const actions = (role: Role) => !role.built_in && <Actions role={role} onOpen={(what) => setOpen({ what, role })} />;
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={
          mayChange && (
            <Button look="primary" onClick={() => setOpen({ what: "create" })}>
              <Plus aria-hidden className="size-4" />
              {t("create")}
            </Button>
          )
        }
      />
      <DataTable
        name="roles"
        columns={useColumns()}
        rowKey={({ name }) => name}
        load={(_query, signal) => listRoles({ path: { id: "me" } }, { signal })}
        empty={
          <EmptyState icon={<IdCard aria-hidden className="size-5" />} title={t("emptyTitle")}>
            {t("empty")}
          </EmptyState>
        }
        {...(mayChange && { actions })}
      />
      {open?.what === "create" && <EditRole onClose={close} onSaved={refresh} />}
      {open?.what === "edit" && <EditRole role={open.role} onClose={close} onSaved={refresh} />}
      {open?.what === "remove" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("removeTitle", { name: open.role.title || open.role.name })}
          losses={[t("removeLoss1"), t("removeLoss2")]}
          act={t("remove")}
          onConfirm={() => remove(open.role)}
        />
      )}
    </>
  );
}

function Actions({ role, onOpen }: { readonly role: Role; readonly onOpen: (what: "edit" | "remove") => void }) {
  const t = useRolesTexts();
  const parts = usePeopleTexts();
  return (
    <Menu
      trigger={
        <IconButton label={parts("actions", { name: role.title || role.name })}>
          <MoreHorizontal aria-hidden className="size-4" />
        </IconButton>
      }
    >
      <MenuItem icon={<Pencil aria-hidden className="size-4" />} onSelect={() => onOpen("edit")}>
        {t("edit")}
      </MenuItem>
      <MenuItem isDanger icon={<Trash2 aria-hidden className="size-4" />} onSelect={() => onOpen("remove")}>
        {t("remove")}
      </MenuItem>
    </Menu>
  );
}

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
        <span className="block min-w-36">
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
        <span className="block min-w-48">
          {description && <span className="block">{description}</span>}
          <Held permissions={permissions} />
        </span>
      ),
    },
    {
      ...{ id: "changed", title: t("changed"), csv: (role) => role.updated_at, isMinor: true },
      cell: (role) => (
        <span className="whitespace-nowrap">
          <Time at={role.updated_at} none="–" />
        </span>
      ),
    },
  ];
}

const shownCount = 6;

/** A few of them, and all when asked. */
function Held({ permissions }: { readonly permissions: readonly string[] }) {
  const t = useRolesTexts();
  const [isWhole, setWhole] = useState(false);
  if (permissions.includes("*")) return <span className="text-[13px] text-ink-soft">{t("everything")}</span>;
  const shown = isWhole ? permissions : permissions.slice(0, shownCount);
  return (
    <span className="text-[13px] text-ink-soft">
      {shown.join(", ") || t("nothing")}
      {permissions.length > shown.length && (
        <button type="button" className="ml-1.5 underline underline-offset-2" onClick={() => setWhole(true)}>
          {t("more", { count: permissions.length - shown.length })}
        </button>
      )}
    </span>
  );
}
