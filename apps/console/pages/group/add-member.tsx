import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { type AddMemberBody, addMember, listUsers } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { toast } from "../../ui/toast.tsx";
import { groupRoles, useGroupTexts } from "./texts.ts";

/** Takes somebody into a group, found by name or address while one types. */
export function AddMember({
  groupId,
  onClose,
  onAdded,
}: {
  readonly groupId: string;
  readonly onClose: () => void;
  readonly onAdded: () => Promise<void>;
}) {
  const t = useGroupTexts();
  const listId = useId();
  const mayList = useCan()("user:list");
  const [text, setText] = useState("");
  const { data: found } = useQuery({
    queryKey: ["list", "people", "found", text],
    queryFn: ({ signal }) => listUsers({ query: { search: text, status: "active", limit: 20 } }, { signal }),
    enabled: mayList,
    staleTime: 30_000,
  });
  const send = async ({ user_id: wanted = "", role }: FormValues) => {
    // What is typed is an address, or an id where people may not be listed.
    const matches = mayList ? (await listUsers({ query: { search: wanted, limit: 20 } })).data : [];
    const person = matches.find(({ email }) => email.toLowerCase() === wanted.toLowerCase());
    if (mayList && !person && !wanted.startsWith("usr_")) throw new Error(t("nobody", { text: wanted }));
    await addMember({
      path: { id: groupId },
      body: { user_id: person?.id ?? wanted, role: role as AddMemberBody["role"] },
    });
    await onAdded();
    toast(t("memberAdded", { name: person?.name || wanted }));
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("addTitle")} description={t("addHint")}>
      <Form onSend={send}>
        <TextField
          name="user_id"
          label={t("person")}
          hint={mayList ? t("personHint") : t("personIdHint")}
          required
          autoFocus
          autoComplete="off"
          list={listId}
          onChange={(event) => setText(event.target.value)}
        />
        <datalist id={listId}>
          {found?.data.map(({ id, name, email }) => (
            <option key={id} value={email} label={name} />
          ))}
        </datalist>
        <SelectField
          name="role"
          label={t("role")}
          options={groupRoles.map((role) => [role, t(`role.${role}`)] as const)}
          defaultValue="member"
        />
        <FormButtons act={t("add")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
