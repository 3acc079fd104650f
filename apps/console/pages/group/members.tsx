import { Link } from "@tanstack/react-router";
import { UserMinus, UserPlus, Users } from "lucide-react";
import { useState } from "react";
import { changeMemberRole, type ListMembersResponse, listMembers, removeMember } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { findPeople } from "../../app/people/find-people.ts";
import { useNames } from "../../app/people/use-names.ts";
import { useCan } from "../../app/session.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { EmptyState } from "../../ui/page-parts.tsx";
import { searchByName } from "../../ui/search-by-name.ts";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { AddMember } from "./add-member.tsx";
import type { Group } from "./group-type.ts";
import { groupRoles, useGroupTexts } from "./texts.ts";

type Member = ListMembersResponse["data"][number];

/** Who is in a group, with which role in it. */
export function Members({ group, onChanged }: { readonly group: Group; readonly onChanged: () => Promise<void> }) {
  const t = useGroupTexts();
  const mayChange = useCan()("group:update") && group.status === "active";
  const { open, setOpen, close, changed } = useListDialog<"add" | Member>("group-members");
  const [shown, setShown] = useState<readonly Member[]>([]);
  const nameOf = useNames(shown.map(({ user_id }) => user_id));
  const { id } = group;
  const mayList = useCan()("user:list");
  const load = searchByName<Member>([findPeople], (query, user_id, signal) =>
    listMembers({ path: { id }, query: { ...query, user_id, limit: 50 } as never }, { signal }),
  );
  const refresh = async (said?: string) => {
    await Promise.all([onChanged(), changed(said)]);
  };
  const change = async ({ user_id }: Member, role: Member["role"]) => {
    try {
      await changeMemberRole({ path: { id, user_id }, body: { role } });
      toast(t("roleChanged", { name: nameOf(user_id), role: t(`role.${role}`) }));
    } catch (err) {
      toastProblem(err);
    }
    await refresh();
  };
  const remove = async ({ user_id }: Member) => {
    await removeMember({ path: { id, user_id } });
    await refresh(t("memberRemoved", { name: nameOf(user_id) }));
  };
  const add = mayChange && (
    <Button size="small" onClick={() => setOpen("add")}>
      <UserPlus aria-hidden className="size-4" />
      {t("add")}
    </Button>
  );
  return (
    <div>
      <div className="mb-3 flex items-center justify-between gap-3">
        <h2 className="font-semibold">{t("members")}</h2>
        {add}
      </div>
      <DataTable
        name="group-members"
        of={id}
        columns={useColumns(nameOf, mayChange ? change : undefined)}
        rowKey={(member) => member.user_id}
        load={async (query, signal) => {
          const page = await load(query, signal);
          setShown(page.data);
          return page;
        }}
        {...(mayList && { searchField: "q" })}
        filters={[
          { name: "role", label: t("role"), options: groupRoles.map((role) => [role, t(`role.${role}`)] as const) },
        ]}
        empty={
          <EmptyState icon={<Users aria-hidden className="size-5" />} title={t("membersEmptyTitle")} action={add}>
            {t("membersEmpty")}
          </EmptyState>
        }
        {...(mayChange && {
          actions: (member: Member) => (
            <IconButton label={t("removeNamed", { name: nameOf(member.user_id) })} onClick={() => setOpen(member)}>
              <UserMinus aria-hidden className="size-4" />
            </IconButton>
          ),
        })}
      />
      {open === "add" && <AddMember groupId={id} onClose={close} onAdded={refresh} />}
      {open !== undefined && open !== "add" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("removeTitle", { name: nameOf(open.user_id) })}
          losses={[t("removeLoss")]}
          act={t("remove")}
          onConfirm={() => remove(open)}
        />
      )}
    </div>
  );
}

function useColumns(
  nameOf: (id: string) => string,
  onChange: ((member: Member, role: Member["role"]) => Promise<void>) | undefined,
): readonly Column<Member>[] {
  const t = useGroupTexts();
  return [
    {
      ...{
        id: "name",
        title: t("memberName"),
        csv: ({ user_id }) => nameOf(user_id),
        sort: ({ user_id }) => nameOf(user_id),
      },
      cell: ({ user_id }) => (
        <Link to={paths.person(user_id)} className="font-medium underline-offset-2 hover:underline">
          {nameOf(user_id)}
        </Link>
      ),
    },
    {
      ...{ id: "role", title: t("role"), csv: ({ role }) => role, sort: ({ role }) => groupRoles.indexOf(role) },
      cell: (member) =>
        onChange ? (
          <select
            aria-label={t("roleOf", { name: nameOf(member.user_id) })}
            value={member.role}
            onChange={(event) => void onChange(member, event.target.value as Member["role"])}
            className="h-8 rounded-md border border-line-strong/60 bg-surface px-2 text-sm"
          >
            {groupRoles.map((role) => (
              <option key={role} value={role}>
                {t(`role.${role}`)}
              </option>
            ))}
          </select>
        ) : (
          t(`role.${member.role}`)
        ),
    },
    {
      ...{ id: "added", title: t("added"), csv: ({ added_at }) => added_at, sort: ({ added_at }) => added_at },
      isMinor: true,
      cell: ({ added_at }) => <Time at={added_at} />,
    },
    {
      ...{ id: "by", title: t("addedBy"), csv: ({ added_by }) => added_by, isMinor: true },
      cell: ({ added_by }) => <span className="text-ink-soft">{nameOf(added_by)}</span>,
    },
  ];
}
