import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CornerDownRight, Network } from "lucide-react";
import { createGroup, listGroups } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useSearchState } from "../../app/search.ts";
import { useCan } from "../../app/session.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextArea, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { PermissionNames } from "../../ui/permission-names.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Quantity, Time } from "../../ui/values.tsx";
import { useGroupsTexts } from "./texts.ts";
import { type Placed, toTree } from "./tree.ts";

/** The groups of the tenant, each below the one it belongs to. */
export function Page() {
  const t = useGroupsTexts();
  const can = useCan();
  const { open, setOpen, close, changed } = useListDialog<"create">("groups");
  const create = can("group:create") && <AddButton text={t("create")} onClick={() => setOpen("create")} />;
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="groups"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={async (query, signal) => {
          const page = await listGroups({ query: { ...query, limit: 200 } as never }, { signal });
          return { ...page, data: toTree(page.data) };
        }}
        searchField="name"
        filters={[
          {
            name: "status",
            label: t("status"),
            options: [
              ["active", t("active")],
              ["archived", t("archived")],
            ],
          },
        ]}
        empty={
          <EmptyState icon={<Network aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
      />
      {open && <Create onClose={close} onMade={changed} />}
    </>
  );
}

const maxLevel = 8;

function useColumns(): readonly Column<Placed>[] {
  const t = useGroupsTexts();
  // In another order nothing stands below what it belongs to.
  const [{ sort }] = useSearchState();
  const levelOf = (depth: number) => (sort === undefined ? Math.min(depth, maxLevel) : 0);
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ id, name, depth, description }) => (
        <span className="flex min-w-40 items-start gap-1.5" style={{ paddingLeft: `${levelOf(depth) * 1.25}rem` }}>
          {levelOf(depth) > 0 && <CornerDownRight aria-hidden className="mt-0.5 size-4 shrink-0 text-ink-soft" />}
          <span className="min-w-0">
            <Link to={paths.group(id)} className="font-medium underline-offset-2 hover:underline">
              {name}
            </Link>
            {description && <span className="block text-xs text-ink-soft">{description}</span>}
          </span>
        </span>
      ),
    },
    {
      ...{ id: "members", title: t("members"), align: "end", csv: (group) => group.member_count },
      sort: (group) => group.member_count,
      cell: (group) => <Quantity value={group.member_count} />,
    },
    {
      ...{ id: "permissions", title: t("permissions"), csv: ({ permissions }) => permissions.join(" "), isMinor: true },
      cell: ({ permissions }) => <PermissionNames permissions={permissions} />,
    },
    {
      ...{ id: "status", title: t("status"), csv: ({ status }) => status, sort: ({ status }) => status },
      cell: ({ status }) => <Badge tone={status === "active" ? "good" : "neutral"}>{t(status)}</Badge>,
    },
    {
      ...{ id: "changed", title: t("changed"), csv: (group) => group.updated_at, isMinor: true },
      sort: (group) => group.updated_at,
      cell: (group) => <Time at={group.updated_at} />,
    },
  ];
}

function Create({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: () => Promise<void> }) {
  const t = useGroupsTexts();
  const navigate = useNavigate();
  const { data: groups } = useQuery({
    queryKey: ["list", "groups", "active"],
    queryFn: ({ signal }) => listGroups({ query: { status: "active", limit: 200 } }, { signal }),
  });
  const send = async ({ name = "", description, parent_id }: FormValues) => {
    const made = await createGroup({ body: { name, description, parent_id } });
    await onMade();
    await navigate({ to: paths.group(made.id) } as never);
  };
  const parents = toTree(groups?.data ?? []).map(
    ({ id, name, depth }) => [id, `${"\u2003".repeat(depth)}${name}`] as const,
  );
  return (
    <Dialog isOpen onClose={onClose} title={t("createTitle")} description={t("createHint")}>
      <Form onSend={send}>
        <TextField name="name" label={t("name")} required autoFocus maxLength={100} autoComplete="off" />
        <TextArea name="description" label={t("about")} isOptional maxLength={1_000} rows={2} />
        <SelectField name="parent_id" label={t("parent")} options={[["", t("noParent")], ...parents]} />
        <FormButtons act={t("create")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
