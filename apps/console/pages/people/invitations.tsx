import { MailPlus, Send, Undo2 } from "lucide-react";
import type { ReactNode } from "react";
import {
  type ListInvitationsResponse,
  listInvitations,
  resendInvitation,
  revokeInvitation,
} from "../../api/gen/client.ts";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { useNames } from "../../app/people/use-names.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { Address } from "../../ui/address.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { EmptyState } from "../../ui/page-parts.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { toastProblem } from "../../ui/toast.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { usePeoplePageTexts } from "./texts.ts";

type Invitation = ListInvitationsResponse["data"][number];

/** Who was asked to come and has not yet: sent once more, or taken back. */
export function Invitations({ invite }: { readonly invite: ReactNode }) {
  const t = usePeoplePageTexts();
  const parts = useUiTexts();
  const people = usePeopleTexts();
  const { options } = useRoles();
  const { open: revoked, setOpen: setRevoked, close, changed } = useListDialog<Invitation>("invitations");
  const resend = async ({ id, email }: Invitation) => {
    try {
      await resendInvitation({ path: { id } });
      await changed(t("wasResent", { email }));
    } catch (err) {
      toastProblem(err);
    }
  };
  const revoke = async ({ id, email }: Invitation) => {
    await revokeInvitation({ path: { id } });
    await changed(t("wasRevoked", { email }));
  };
  return (
    <>
      <DataTable
        name="invitations"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadInvitations}
        searchField="q"
        filters={[{ name: "role", label: people("role"), options }]}
        empty={
          <EmptyState
            icon={<MailPlus aria-hidden className="size-5" />}
            title={t("invitationsEmptyTitle")}
            action={invite}
          >
            {t("invitationsEmpty")}
          </EmptyState>
        }
        actions={(invitation) => (
          <RowMenu
            label={parts("actionsOf", { name: invitation.email })}
            acts={[
              { text: t("resend"), icon: Send, act: () => void resend(invitation) },
              { text: t("revoke"), icon: Undo2, isDanger: true, act: () => setRevoked(invitation) },
            ]}
          />
        )}
      />
      {revoked && (
        <Confirm
          isOpen
          onClose={close}
          title={t("revokeTitle", { email: revoked.email })}
          losses={[t("revokeLoss")]}
          act={t("revoke")}
          onConfirm={() => revoke(revoked)}
        />
      )}
    </>
  );
}

const loadInvitations = narrowHere(
  ["q", "role"],
  (query, signal) => listInvitations({ query: { limit: 50, ...query } as never }, { signal }),
  (invitation: Invitation, { q, role }) => has([invitation.email], q) && (!role || invitation.role === role),
);

function useColumns(): readonly Column<Invitation>[] {
  const t = usePeoplePageTexts();
  const parts = usePeopleTexts();
  const { titleOf } = useRoles();
  const nameOf = useNames([]);
  return [
    {
      ...{ id: "email", title: t("email"), csv: ({ email }) => email, sort: ({ email }) => email },
      cell: ({ email }) => (
        <span className="block min-w-24 font-medium">
          <Address text={email} />
        </span>
      ),
    },
    {
      ...{ id: "role", title: parts("role"), csv: ({ role }) => role, sort: ({ role }) => titleOf(role) },
      cell: ({ role }) => <span className="whitespace-nowrap">{titleOf(role)}</span>,
    },
    {
      ...{ id: "inviter", title: t("inviter"), csv: (one) => one.invited_by, isMinor: true },
      cell: (one) => <span className="text-ink-soft">{nameOf(one.invited_by)}</span>,
    },
    {
      ...{ id: "sent", title: t("sent"), csv: (one) => one.created_at, sort: (one) => one.created_at, isMinor: true },
      cell: (one) => <Time at={one.created_at} />,
    },
    {
      ...{ id: "expires", title: t("expires"), csv: (one) => one.expires_at, sort: (one) => one.expires_at },
      cell: (one) => <Time at={one.expires_at} />,
    },
  ];
}
