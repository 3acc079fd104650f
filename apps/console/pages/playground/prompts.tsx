import { useQuery, useQueryClient } from "@tanstack/react-query";
import { BookOpen, Save } from "lucide-react";
import { useState } from "react";
import { getPrompt, listPrompts, listPromptVersions, type PutPromptBody, putPrompt } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { EmptyState, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { toast } from "../../ui/toast.tsx";
import { fromPrompt, type Opened, type Prompt, toPrompt } from "./prompt.ts";
import { usePlaygroundTexts } from "./texts.ts";

const pageSize = 200;

/** Opens a prompt of the tenant's, and saves what stands here as one. */
export function Prompts({ now, onOpen }: { readonly now: Opened; readonly onOpen: (opened: Opened) => void }) {
  const t = usePlaygroundTexts();
  const can = useCan();
  const [shown, setShown] = useState<"open" | "save">();
  const [name, setName] = useState<string>();
  const close = () => setShown(undefined);
  const isEmpty = toPrompt(now).messages.length === 0;
  return (
    <>
      {can("prompt:read") && (
        <Button onClick={() => setShown("open")}>
          <BookOpen aria-hidden className="size-4" />
          {t("openPrompt")}
        </Button>
      )}
      {can("prompt:update") && now.setUp.kind === "chat" && (
        <Button onClick={() => setShown("save")} disabled={isEmpty}>
          <Save aria-hidden className="size-4" />
          {t("savePrompt")}
        </Button>
      )}
      <Dialog isOpen={shown === "open"} onClose={close} title={t("openPrompt")}>
        <OpenForm
          onClose={close}
          onOpen={(prompt, opened) => {
            setName(prompt);
            onOpen(opened);
            close();
          }}
        />
      </Dialog>
      <Dialog isOpen={shown === "save"} onClose={close} title={t("savePrompt")} description={t("saveHint")}>
        <SaveForm now={now} name={name} onClose={close} onSaved={setName} />
      </Dialog>
    </>
  );
}

function OpenForm({
  onOpen,
  onClose,
}: {
  readonly onOpen: (name: string, opened: Opened) => void;
  readonly onClose: () => void;
}) {
  const t = usePlaygroundTexts();
  const [chosen, setChosen] = useState<string>();
  const { data, error } = useQuery({
    queryKey: ["list", "prompts"],
    queryFn: ({ signal }) => listPrompts({ query: { limit: pageSize } }, { signal }),
  });
  const name = chosen ?? data?.data[0]?.name;
  const { data: versions } = useQuery({
    queryKey: ["list", "prompt-versions", name],
    queryFn: ({ signal }) => listPromptVersions({ path: { name: name ?? "" }, query: { limit: pageSize } }, { signal }),
    enabled: name !== undefined,
  });
  if (error) return <ProblemNote problem={error} />;
  if (!data) return <Loading />;
  if (name === undefined) return <EmptyState title={t("noPrompts")}>{t("noPromptsHint")}</EmptyState>;
  const labels = Object.entries(data.data.find((one) => one.name === name)?.labels ?? {});
  const send = async ({ version }: FormValues) => {
    const { content } = await getPrompt({ path: { name }, query: { version } });
    onOpen(name, fromPrompt(content as Prompt));
  };
  return (
    <Form onSend={send}>
      <SelectField
        name="name"
        label={t("prompt")}
        value={name}
        onChange={(event) => setChosen(event.target.value)}
        options={data.data.map((one) => [one.name, one.name])}
      />
      <SelectField
        key={name}
        name="version"
        label={t("version")}
        options={(versions?.data ?? []).map(({ version, description }) => {
          const named = labels.filter(([, of]) => of === version).map(([label]) => label);
          return [String(version), [`${version}`, ...named, description].filter(Boolean).join(" · ")];
        })}
      />
      <FormButtons act={t("open")} onClose={onClose} isDisabled={!versions} />
    </Form>
  );
}

function SaveForm({
  now,
  name,
  onClose,
  onSaved,
}: {
  readonly now: Opened;
  readonly name: string | undefined;
  readonly onClose: () => void;
  readonly onSaved: (name: string) => void;
}) {
  const t = usePlaygroundTexts();
  const cache = useQueryClient();
  const send = async ({ name: as = "", description = "" }: FormValues) => {
    const saved = await putPrompt({ path: { name: as }, body: { ...toPrompt(now), description } as PutPromptBody });
    await cache.invalidateQueries({ queryKey: ["list", "prompts"] });
    await cache.invalidateQueries({ queryKey: ["list", "prompt-versions", as] });
    toast(t("saved", { name: as, version: saved.latest_version }));
    onSaved(as);
    onClose();
  };
  return (
    <Form onSend={send}>
      <TextField name="name" label={t("promptName")} hint={t("promptNameHint")} required defaultValue={name} />
      <TextField name="description" label={t("promptChange")} isOptional maxLength={1_000} />
      <FormButtons act={t("save")} onClose={onClose} />
    </Form>
  );
}
