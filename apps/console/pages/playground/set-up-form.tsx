import { CornerDownLeft, Play, Plus, Square, X } from "lucide-react";
import type { ClipboardEvent } from "react";
import { Button, IconButton } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Form, SelectField, TextArea, TextField } from "../../ui/form.tsx";
import { Card } from "../../ui/page-parts.tsx";
import { Attached, withImages } from "./attached.tsx";
import { type Attachment, imageSizes, maxImageCount, maxModels, type ParameterName, type SetUp } from "./set-up.ts";
import { usePlaygroundTexts } from "./texts.ts";
import { Tools } from "./tools.tsx";

type Values = Readonly<Record<string, string>>;

interface SetUpProps {
  readonly setUp: SetUp;
  readonly change: (part: Partial<SetUp>) => void;
}

interface FormProps extends SetUpProps {
  readonly names: readonly string[];
  readonly variables: readonly string[];
  readonly values: Values;
  readonly setValues: (values: Values) => void;
  readonly images: readonly Attachment[];
  readonly setImages: (images: readonly Attachment[]) => void;
  readonly isRunning: boolean;
  readonly mayContinue: boolean;
  readonly onRun: () => Promise<void>;
  readonly onContinue: () => Promise<void>;
  readonly onStop: () => void;
}

/** All that is asked, of whom, and how. */
export function SetUpForm(props: FormProps) {
  const { setUp, change } = props;
  const t = usePlaygroundTexts();
  return (
    <Card className="min-w-0 p-5">
      {/* Not to be awaited: what is under way is shown beside, and can be stopped. */}
      <Form onSend={async () => void props.onRun()}>
        <Choice
          label={t("kind")}
          value={setUp.kind}
          options={[
            ["chat", t("chat")],
            ["image", t("image")],
          ]}
          onChange={(kind) => change({ kind })}
        />
        <Models {...props} />
        {setUp.kind === "chat" && <Before {...props} />}
        <Message {...props} />
        <Variables {...props} />
        {setUp.kind === "image" ? (
          <ImageParameters {...props} />
        ) : (
          <>
            <Tools setUp={setUp} change={change} />
            <Parameters {...props} />
          </>
        )}
        <Buttons {...props} />
      </Form>
    </Card>
  );
}

/** What stands before the message. */
function Before({ setUp, change }: SetUpProps) {
  const t = usePlaygroundTexts();
  return (
    <>
      <TextArea
        name="system"
        label={t("system")}
        hint={t("systemHint", { variable: "{{name}}" })}
        isOptional
        rows={2}
        value={setUp.system}
        onChange={(event) => change({ system: event.target.value })}
      />
      {setUp.earlier.length > 0 && (
        <Brought
          text={t("earlier", { count: setUp.earlier.length })}
          remove={t("removeEarlier")}
          onRemove={() => change({ earlier: [] })}
        />
      )}
      {setUp.responseFormat !== "" && (
        <Brought
          text={t("responseFormat")}
          title={setUp.responseFormat}
          remove={t("removeResponseFormat")}
          onRemove={() => change({ responseFormat: "" })}
        />
      )}
    </>
  );
}

/** What a prompt or link has brought along, and can be taken away. */
function Brought({
  text,
  title,
  remove,
  onRemove,
}: {
  readonly text: string;
  readonly title?: string;
  readonly remove: string;
  readonly onRemove: () => void;
}) {
  return (
    <p
      title={title}
      className="flex items-center justify-between rounded-md border border-line py-0.5 pr-0.5 pl-2.5 text-[13px]"
    >
      {text}
      <IconButton label={remove} onClick={onRemove}>
        <X aria-hidden className="size-3.5" />
      </IconButton>
    </p>
  );
}

function Message({ setUp, change, images, setImages }: FormProps) {
  const t = usePlaygroundTexts();
  const isImage = setUp.kind === "image";
  const paste = async (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0 || isImage) return;
    event.preventDefault();
    setImages(await withImages(images, files, t("imagesLeftOut")));
  };
  return (
    <div className="space-y-2" onPaste={paste}>
      <TextArea
        name="message"
        label={t(isImage ? "describe" : "message")}
        required
        rows={4}
        value={setUp.message}
        onChange={(event) => change({ message: event.target.value })}
      />
      {!isImage && <Attached images={images} onChange={setImages} />}
    </div>
  );
}

function Buttons({ setUp, isRunning, mayContinue, onContinue, onStop }: FormProps) {
  const t = usePlaygroundTexts();
  if (isRunning) {
    return (
      <Button className="w-full" onClick={onStop}>
        <Square aria-hidden className="size-3.5" />
        {t("stop")}
      </Button>
    );
  }
  return (
    <div className="flex gap-2">
      <Button type="submit" look="primary" className="flex-1">
        <Play aria-hidden className="size-4" />
        {t("run")}
      </Button>
      {mayContinue && (
        <Button
          className="flex-1"
          title={t("continueHint")}
          disabled={setUp.message.trim() === ""}
          onClick={() => void onContinue()}
        >
          <CornerDownLeft aria-hidden className="size-4" />
          {t("continue")}
        </Button>
      )}
    </div>
  );
}

function Models({ setUp, change, names }: SetUpProps & { readonly names: readonly string[] }) {
  const t = usePlaygroundTexts();
  const { models } = setUp;
  const free = names.find((name) => !models.includes(name));
  return (
    <div className="space-y-2">
      {models.map((model, place) => (
        <SelectField
          key={model}
          name={`model${place}`}
          label={t("model", { number: place + 1 })}
          value={model}
          onChange={(event) => change({ models: models.with(place, event.target.value) })}
          options={names.filter((name) => name === model || !models.includes(name)).map((name) => [name, name])}
        />
      ))}
      {models.length < maxModels && free !== undefined && (
        <Button size="small" onClick={() => change({ models: [...models, free] })}>
          <Plus aria-hidden className="size-3.5" />
          {t("addModel")}
        </Button>
      )}
    </div>
  );
}

function Variables({
  variables,
  values,
  setValues,
}: {
  readonly variables: readonly string[];
  readonly values: Values;
  readonly setValues: (values: Values) => void;
}) {
  const t = usePlaygroundTexts();
  if (variables.length === 0) return null;
  return (
    <fieldset className="space-y-3 rounded-lg bg-sunken p-3">
      <legend className="sr-only">{t("variables")}</legend>
      {variables.map((name) => (
        <TextField
          key={name}
          name={`variable-${name}`}
          label={`{{${name}}}`}
          value={values[name] ?? ""}
          onChange={(event) => setValues({ ...values, [name]: event.target.value })}
        />
      ))}
    </fieldset>
  );
}

function Parameters({ setUp, change }: SetUpProps) {
  const t = usePlaygroundTexts();
  const bounds: readonly (readonly [ParameterName, object])[] = [
    ["temperature", { min: 0, max: 2, step: 0.1 }],
    ["top_p", { min: 0, max: 1, step: 0.05 }],
    ["max_tokens", { min: 1, step: 1 }],
    ["seed", { step: 1 }],
  ];
  return (
    <div className="grid grid-cols-2 items-end gap-3">
      {bounds.map(([name, given]) => (
        <TextField
          key={name}
          {...given}
          name={name}
          label={t(name)}
          type="number"
          placeholder={t("modelsOwn")}
          value={setUp.parameters[name]}
          onChange={(event) => change({ parameters: { ...setUp.parameters, [name]: event.target.value } })}
        />
      ))}
    </div>
  );
}

function ImageParameters({ setUp, change }: SetUpProps) {
  const t = usePlaygroundTexts();
  return (
    <div className="grid grid-cols-2 items-end gap-3">
      <SelectField
        name="size"
        label={t("size")}
        value={setUp.imageSize}
        onChange={(event) => change({ imageSize: event.target.value as SetUp["imageSize"] })}
        options={imageSizes.map((size) => [size, size === "auto" ? t("modelsOwn") : size.replace("x", " × ")])}
      />
      <TextField
        name="n"
        label={t("imageCount")}
        type="number"
        required
        min={1}
        max={maxImageCount}
        value={setUp.imageCount}
        onChange={(event) => change({ imageCount: Number(event.target.value) })}
      />
    </div>
  );
}
