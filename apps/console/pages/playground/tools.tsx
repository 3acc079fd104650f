import { Pencil, Plus, Trash2, Wrench } from "lucide-react";
import { useState } from "react";
import { Problem } from "../../api/problem.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextArea, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { maxTools, readSchema, type SetUp, type Tool, toolChoices, toolNamePattern } from "./set-up.ts";
import { usePlaygroundTexts } from "./texts.ts";

const example: Tool = {
  name: "get_weather",
  description: "The weather of a city, now.",
  parameters: JSON.stringify(
    {
      type: "object",
      properties: {
        city: { type: "string", description: "Such as Paris." },
        unit: { type: "string", enum: ["celsius", "fahrenheit"] },
      },
      required: ["city"],
    },
    null,
    2,
  ),
};

/** The functions that models may call. */
export function Tools({ setUp, change }: { readonly setUp: SetUp; readonly change: (part: Partial<SetUp>) => void }) {
  const t = usePlaygroundTexts();
  const { tools, toolChoice } = setUp;
  const [edited, setEdited] = useState<number>();
  /** A choice that names a tool goes with its name. */
  const chosen = (name: string | undefined, next: string) =>
    toolChoice === `function:${name}` ? { toolChoice: next } : {};
  const put = (tool: Tool) => {
    change({
      ...chosen(tools[edited ?? tools.length]?.name, `function:${tool.name}`),
      tools: edited === tools.length ? [...tools, tool] : tools.map((one, at) => (at === edited ? tool : one)),
    });
    setEdited(undefined);
  };
  const names = tools.filter((_tool, at) => at !== edited).map(({ name }) => name);
  return (
    <fieldset className="space-y-2">
      <legend className="mb-1.5 text-[13px] font-medium">{t("tools")}</legend>
      {tools.map(({ name }, index) => (
        <div key={name} className="flex items-center gap-1 rounded-md border border-line py-0.5 pr-0.5 pl-2.5">
          <Wrench aria-hidden className="size-3.5 shrink-0 text-ink-soft" />
          <code className="min-w-0 flex-1 px-1 font-mono wrap-anywhere text-[13px]">{name}</code>
          <IconButton label={t("editTool", { name })} onClick={() => setEdited(index)}>
            <Pencil aria-hidden className="size-3.5" />
          </IconButton>
          <IconButton
            label={t("removeTool", { name })}
            onClick={() => change({ ...chosen(name, "auto"), tools: tools.filter((_tool, at) => at !== index) })}
          >
            <Trash2 aria-hidden className="size-3.5" />
          </IconButton>
        </div>
      ))}
      {tools.length > 0 && (
        <SelectField
          name="tool_choice"
          label={t("toolChoice")}
          value={toolChoice}
          onChange={(event) => change({ toolChoice: event.target.value })}
          options={[
            ...toolChoices.map((one) => [one, t(`toolChoice.${one}`)] as const),
            ...tools.map(({ name }) => [`function:${name}`, t("toolChoice.named", { name })] as const),
          ]}
        />
      )}
      {tools.length < maxTools && (
        <Button size="small" onClick={() => setEdited(tools.length)}>
          <Plus aria-hidden className="size-3.5" />
          {t("addTool")}
        </Button>
      )}
      <Dialog
        isOpen={edited !== undefined}
        onClose={() => setEdited(undefined)}
        title={t("toolTitle")}
        description={t("toolHint")}
        isWide
      >
        <ToolForm tool={tools[edited ?? 0]} names={names} onPut={put} onClose={() => setEdited(undefined)} />
      </Dialog>
    </fieldset>
  );
}

function ToolForm({
  tool,
  names,
  onPut,
  onClose,
}: {
  readonly tool: Tool | undefined;
  /** Of the others. */
  readonly names: readonly string[];
  readonly onPut: (tool: Tool) => void;
  readonly onClose: () => void;
}) {
  const t = usePlaygroundTexts();
  const shown = tool ?? (names.includes(example.name) ? { ...example, name: "", description: "" } : example);
  const send = async ({ name = "", description = "", parameters = "" }: FormValues) => {
    if (!toolNamePattern.test(name)) throw wrongField("name", t("toolNameWrong"));
    if (names.includes(name)) throw wrongField("name", t("toolNameTaken"));
    if (!readSchema(parameters)) throw wrongField("parameters", t("schemaWrong"));
    const { strict } = shown;
    onPut({ name, description, parameters, ...(strict !== undefined && { strict }) });
  };
  return (
    <Form onSend={send}>
      <TextField name="name" label={t("toolName")} hint={t("toolNameHint")} required defaultValue={shown.name} />
      <TextField name="description" label={t("toolDescription")} isOptional defaultValue={shown.description} />
      <TextArea
        name="parameters"
        label={t("schema")}
        hint={t("schemaHint")}
        required
        rows={10}
        spellCheck={false}
        className="font-mono text-[13px]"
        defaultValue={shown.parameters}
      />
      <FormButtons act={t("toolKeep")} onClose={onClose} />
    </Form>
  );
}

function wrongField(field: string, reason: string): Problem {
  const details = { field, reason, reason_zh_CN: reason };
  return new Problem({ status: 0, code: "input", message: reason, details, traceId: undefined, docUrl: undefined });
}
