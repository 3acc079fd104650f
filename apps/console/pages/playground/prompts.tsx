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
import { toNumber } from "./run-model.ts";
import { emptySetUp, type SetUp } from "./set-up.ts";
import { usePlaygroundTexts } from "./texts.ts";

const pageSize = 200;

/** Opens a prompt of the tenant's, and saves what stands here as one. */
export function Prompts({ setUp, onOpen }: { readonly setUp: SetUp; readonly onOpen: (setUp: SetUp) => void }) {
  const t = usePlaygroundTexts();
  const can = useCan();
  const [shown, setShown] = useState<"open" | "save">();
  const [name, setName] = useState<string>();
  const close = () => setShown(undefined);
  const isEmpty = toBody(setUp).messages.length === 0;
  return (
    <>
      {can("prompt:read") && (
        <Button onClick={() => setShown("open")}>
          <BookOpen aria-hidden className="size-4" />
          {t("openPrompt")}
        </Button>
      )}
      {can("prompt:update") && setUp.kind === "chat" && (
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
        <SaveForm setUp={setUp} name={name} onClose={close} onSaved={setName} />
      </Dialog>
    </>
  );
}

function OpenForm({
  onOpen,
  onClose,
}: {
  readonly onOpen: (name: string, setUp: SetUp) => void;
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
    onOpen(name, fromPrompt(content));
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
  setUp,
  name,
  onClose,
  onSaved,
}: {
  readonly setUp: SetUp;
  readonly name: string | undefined;
  readonly onClose: () => void;
  readonly onSaved: (name: string) => void;
}) {
  const t = usePlaygroundTexts();
  const cache = useQueryClient();
  const send = async ({ name: as = "", description = "" }: FormValues) => {
    const saved = await putPrompt({ path: { name: as }, body: { ...toBody(setUp), description } });
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

/** A prompt has texts, a model and parameters; tools and images are the call's own. */
function toBody({ system, earlier, message, models: [model], parameters }: SetUp): PutPromptBody {
  const said = [{ role: "system" as const, content: system }, ...earlier, { role: "user" as const, content: message }];
  const [temperature, top_p, max_tokens] = (["temperature", "top_p", "max_tokens"] as const).map((name) =>
    toNumber(parameters, name),
  );
  return {
    messages: said.filter(({ content }) => content.trim() !== ""),
    ...(model !== undefined && { model }),
    parameters: { temperature, top_p, max_tokens },
  };
}

type Content = Pick<PutPromptBody, "messages" | "model" | "parameters">;

function fromPrompt({ messages, model, parameters = {} }: Content): SetUp {
  const isSystem = ({ role }: { readonly role: string }) => role === "system" || role === "developer";
  const said = messages.filter((one) => !isSystem(one));
  const last = said.at(-1)?.role === "user" ? said.at(-1) : undefined;
  const typed = (value: number | undefined) => (value === undefined ? "" : String(value));
  return {
    ...emptySetUp,
    models: model === undefined ? [] : [model],
    system: messages
      .filter(isSystem)
      .map(({ content }) => content)
      .join("\n\n"),
    earlier: (last ? said.slice(0, -1) : said).map(({ role, content }) => ({
      ...{ role: role === "assistant" ? ("assistant" as const) : ("user" as const), content },
    })),
    message: last?.content ?? "",
    parameters: {
      ...emptySetUp.parameters,
      ...{ temperature: typed(parameters.temperature), top_p: typed(parameters.top_p) },
      max_tokens: typed(parameters.max_tokens),
    },
  };
}
