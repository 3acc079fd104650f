import { useQuery } from "@tanstack/react-query";
import { MailPlus, Users } from "lucide-react";
import {
  disableUser,
  enableUser,
  inviteToTenant,
  type ListAllUsersResponse,
  listAllUsers,
  listInvitationsOfTenant,
} from "../../api/gen/client.ts";
import { MailLanguageField } from "../../app/people/mail-language-field.tsx";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import type { Tenant } from "../../app/tenants/tenant-status.tsx";
import { useTenantTexts } from "../../app/tenants/texts.ts";
import { Address } from "../../ui/address.tsx";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Badge, EmptyState } from "../../ui/page-parts.tsx";
import { ReasonDialog } from "../../ui/reason-dialog.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";

type Person = ListAllUsersResponse["data"][number];
type Open = { readonly what: "invite" } | { readonly what: "disable" | "enable"; readonly person: Person };

const list = "people-of-tenant";
const states = ["active", "inactive", "suspended"] as const;

/** Who belongs to an organisation, and who was asked to. */
export function People({ tenant }: { readonly tenant: Tenant }) {
  const t = useTenantTexts();
  const parts = usePeopleTexts();
  const { open, setOpen, close, changed } = useListDialog<Open>(list);
  const { id } = tenant;
  const invite = (
    <Button size="small" onClick={() => setOpen({ what: "invite" })}>
      <MailPlus aria-hidden className="size-4" />
      {t("invite")}
    </Button>
  );
  return (
    <section>
      <div className="mb-3 flex justify-end">{invite}</div>
      <Invited tenantId={id} />
      <DataTable
        name={list}
        of={id}
        columns={useColumns()}
        rowKey={(person) => person.id}
        load={(query, signal) => listAllUsers({ query: { ...query, tenant: id, limit: 50 } as never }, { signal })}
        searchField="search"
        filters={[{ name: "status", label: t("status"), options: states.map((one) => [one, parts(one)] as const) }]}
        empty={
          <EmptyState icon={<Users aria-hidden className="size-5" />} title={t("nobodyTitle")}>
            {t("nobody")}
          </EmptyState>
        }
        actions={(person) => {
          const what = person.status === "active" ? "disable" : "enable";
          return (
            <Button size="small" onClick={() => setOpen({ what, person })}>
              {parts(what)}
            </Button>
          );
        }}
      />
      {open?.what === "invite" && <Invite tenant={tenant} onClose={close} onSent={changed} />}
      {open && open.what !== "invite" && <SetStatus {...open} onClose={close} onDone={changed} />}
    </section>
  );
}

function Invited({ tenantId }: { readonly tenantId: string }) {
  const t = useTenantTexts();
  const { titleOf } = useRoles();
  const { data } = useQuery({
    queryKey: ["list", list, "invited", tenantId],
    queryFn: ({ signal }) =>
      listInvitationsOfTenant({ path: { tenant_id: tenantId }, query: { limit: 50 } }, { signal }),
  });
  if (!data || data.data.length === 0) return null;
  return (
    <ul className="mb-3 space-y-1 text-sm" aria-label={t("invited")}>
      {data.data.map(({ id, email, role, expires_at }) => (
        <li key={id} className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <MailPlus aria-hidden className="size-4 text-ink-soft" />
          <Address text={email} />
          <Badge>{titleOf(role)}</Badge>
          <span className="text-xs text-ink-soft">
            {t("invited")} · {t("expires")} <Time at={expires_at} />
          </span>
        </li>
      ))}
    </ul>
  );
}

const builtIn = ["owner", "admin", "member", "viewer"] as const;

function Invite({
  tenant: { id, name },
  onClose,
  onSent,
}: {
  readonly tenant: Tenant;
  readonly onClose: () => void;
  readonly onSent: (said: string) => Promise<void>;
}) {
  const t = useTenantTexts();
  const parts = usePeopleTexts();
  const send = async ({ email = "", role, locale }: FormValues) => {
    await inviteToTenant({ path: { tenant_id: id }, body: { email, role, locale: locale as "en_US" } });
    await onSent(t("wasInvited", { email }));
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("inviteTitle", { name })} description={t("inviteHint")}>
      <Form onSend={send}>
        <TextField name="email" type="email" label={t("email")} required autoFocus autoComplete="off" />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            name="role"
            label={parts("role")}
            options={builtIn.map((one) => [one, parts(`role.${one}`)] as const)}
          />
          <MailLanguageField label={t("mailLanguage")} />
        </div>
        <FormButtons act={t("invite")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

function SetStatus({
  what,
  person: { id, name, email, version },
  onClose,
  onDone,
}: {
  readonly what: "disable" | "enable";
  readonly person: Person;
  readonly onClose: () => void;
  readonly onDone: (said: string) => Promise<void>;
}) {
  const t = useTenantTexts();
  const parts = usePeopleTexts();
  const called = name || email;
  const isDisabling = what === "disable";
  const losses = [parts("disableLoss1", { email }), parts("disableLoss2"), parts("disableLoss3")];
  return (
    <ReasonDialog
      title={isDisabling ? parts("disableTitle", { name: called }) : called}
      losses={isDisabling ? losses : []}
      act={parts(what)}
      reasonHint={t("auditHint")}
      onClose={onClose}
      onSend={async (reason) => {
        const asked = { path: { id }, header: { "If-Match": `"${version}"` }, body: { reason } };
        await (isDisabling ? disableUser(asked) : enableUser(asked));
        await onDone(parts(isDisabling ? "wasDisabled" : "wasEnabled", { name: called }));
      }}
    />
  );
}

function useColumns(): readonly Column<Person>[] {
  const t = useTenantTexts();
  const parts = usePeopleTexts();
  const { titleOf } = useRoles();
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ name, email }) => (
        <span className="block min-w-28">
          <span className="block font-medium">{name || email}</span>
          <span className="block text-xs text-ink-soft">
            <Address text={email} />
          </span>
        </span>
      ),
    },
    {
      ...{
        id: "role",
        title: parts("role"),
        csv: ({ role }) => role,
        sort: ({ role }) => titleOf(role),
        isMinor: true,
      },
      cell: ({ role }) => <span className="whitespace-nowrap">{titleOf(role)}</span>,
    },
    {
      ...{ id: "status", title: t("status"), csv: ({ status }) => status, sort: ({ status }) => status },
      cell: ({ status }) => <Badge tone={status === "active" ? "good" : "neutral"}>{parts(status)}</Badge>,
    },
    {
      ...{ id: "joined", title: t("joined"), isMinor: true },
      ...{ csv: ({ created_at }) => created_at, sort: ({ created_at }) => created_at },
      cell: ({ created_at }) => <Time at={created_at} />,
    },
  ];
}
