import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { UserPlus, Users } from "lucide-react";
import { useState } from "react";
import { listUsers } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { type Person, PersonActions } from "../../app/people/person-actions.tsx";
import { StatusBadge } from "../../app/people/status-badge.tsx";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { useSearchState } from "../../app/search.ts";
import { sessionQuery, useCan } from "../../app/session.ts";
import { Address } from "../../ui/address.tsx";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Time } from "../../ui/values.tsx";
import { Invitations } from "./invitations.tsx";
import { Invite } from "./invite.tsx";
import { usePeoplePageTexts } from "./texts.ts";

/** Who is in the tenant, and who has been asked to come. */
export function Page() {
  const t = usePeoplePageTexts();
  const can = useCan();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [{ view }] = useSearchState();
  const [isInviting, setInviting] = useState(false);
  const mayInvite = can("user:invite");
  const shown = view === "invitations" && mayInvite ? "invitations" : "members";
  // Filters and pages of the one list are nothing to the other.
  const go = (next: "members" | "invitations") =>
    void navigate({ to: ".", search: next === "members" ? {} : { view: next } } as never);
  const invite = mayInvite && (
    <Button look="primary" onClick={() => setInviting(true)}>
      <UserPlus aria-hidden className="size-4" />
      {t("invite")}
    </Button>
  );
  const invited = async () => {
    await cache.invalidateQueries({ queryKey: ["list", "invitations"] });
    if (shown === "members") go("invitations");
  };
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={invite} />
      {mayInvite && (
        <div className="mb-4 flex">
          <Choice
            label={t("view")}
            value={shown}
            options={[
              ["members", t("members")],
              ["invitations", t("invitations")],
            ]}
            onChange={go}
          />
        </div>
      )}
      {shown === "members" ? <Members /> : <Invitations invite={invite} />}
      <Invite isOpen={isInviting} onClose={() => setInviting(false)} onInvited={invited} />
    </>
  );
}

function Members() {
  const t = usePeoplePageTexts();
  const parts = usePeopleTexts();
  const { options } = useRoles();
  const can = useCan();
  const cache = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  const refresh = () => cache.invalidateQueries({ queryKey: ["list", "people"] });
  const actions = (person: Person) =>
    person.id !== session?.user_id && <PersonActions person={person} onChanged={refresh} />;
  return (
    <DataTable
      name="people"
      columns={useColumns(session?.user_id)}
      rowKey={({ id }) => id}
      load={(query, signal) => listUsers({ query: { ...query, limit: 50 } as never }, { signal })}
      searchField="search"
      filters={[
        {
          name: "status",
          label: t("status"),
          options: (["active", "inactive", "suspended"] as const).map((status) => [status, parts(status)] as const),
        },
        { name: "role", label: parts("role"), options },
      ]}
      empty={
        <EmptyState icon={<Users aria-hidden className="size-5" />} title={t("membersEmptyTitle")}>
          {t("membersEmpty")}
        </EmptyState>
      }
      {...(can("user:update") && { actions })}
    />
  );
}

function useColumns(ownId: string | undefined): readonly Column<Person>[] {
  const t = usePeoplePageTexts();
  const parts = usePeopleTexts();
  const { titleOf } = useRoles();
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ id, name, email }) => (
        <span className="block min-w-28">
          <span className="flex items-center gap-2">
            <Link to={paths.person(id)} className="font-medium underline-offset-2 hover:underline">
              {name || email}
            </Link>
            {id === ownId && <Badge>{t("you")}</Badge>}
          </span>
          <span className="block text-xs text-ink-soft md:hidden">
            <Address text={email} />
          </span>
        </span>
      ),
    },
    {
      ...{ id: "email", title: t("email"), csv: ({ email }) => email, sort: ({ email }) => email, isMinor: true },
      cell: ({ email }) => (
        <span className="text-ink-soft">
          <Address text={email} />
        </span>
      ),
    },
    {
      ...{ id: "role", title: parts("role"), csv: ({ role }) => role, sort: ({ role }) => titleOf(role) },
      cell: ({ role }) => <span className="whitespace-nowrap">{titleOf(role)}</span>,
    },
    {
      ...{ id: "status", title: t("status"), csv: ({ status }) => status, sort: ({ status }) => status },
      cell: ({ status }) => <StatusBadge status={status} />,
    },
    {
      ...{ id: "since", title: t("since"), csv: (one) => one.created_at, sort: (one) => one.created_at, isMinor: true },
      cell: (one) => <Time at={one.created_at} />,
    },
  ];
}
