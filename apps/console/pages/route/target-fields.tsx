import { ArrowDown, ArrowUp, ChevronRight, Trash2 } from "lucide-react";
import { useState } from "react";
import { IconButton } from "../../ui/button.tsx";
import { SelectField, TextArea, TextField } from "../../ui/form.tsx";
import { hasConditions, type RouteDraft, type TargetDraft } from "./draft.ts";
import type { Place } from "./places.ts";
import { useRouteTexts } from "./texts.ts";

export interface TargetFieldsProps {
  readonly target: TargetDraft;
  /** From 1. */
  readonly number: number;
  readonly count: number;
  readonly strategy: RouteDraft["strategy"];
  readonly places: readonly Place[];
  readonly onChange: (change: Partial<TargetDraft>) => void;
  readonly onMove: (by: -1 | 1) => void;
  readonly onRemove: () => void;
}

/** One target of a route: where it goes, its part, and for which calls. */
export function TargetFields(props: TargetFieldsProps) {
  const { target, number, count, strategy, places, onChange, onMove, onRemove } = props;
  const t = useRouteTexts();
  const [beginsOpen] = useState(() => hasConditions(target));
  const at = `targets.${number - 1}`;
  const known = places.some(({ place }) => place === target.place);
  const options = [
    ...(known ? [] : [[target.place, target.place.replace(/^\w+:/, "")] as const]),
    ...places.map(({ place, text }) => [place, text] as const),
  ];
  const weighs = strategy === "weighted" || strategy === "experiment";
  const rates = strategy === "scored" || strategy === "quality";
  return (
    <fieldset className="rounded-lg border border-line p-3">
      <legend className="sr-only">{t("target", { number })}</legend>
      <div className="flex flex-wrap items-end gap-3">
        <div className="min-w-52 flex-1">
          <SelectField
            name={`${at}.place`}
            label={t("to")}
            options={options}
            value={target.place}
            onChange={(event) => onChange({ place: event.target.value })}
          />
        </div>
        {weighs && (
          <Count
            name={`${at}.weight`}
            label={t("weight")}
            value={target.weight}
            onSet={(weight) => onChange({ weight })}
          />
        )}
        {rates && (
          <Count
            name={`${at}.quality`}
            label={t("quality")}
            value={target.quality}
            step="0.05"
            max={1}
            onSet={(quality) => onChange({ quality })}
          />
        )}
        <Count
          name={`${at}.priority`}
          label={t("priority")}
          value={target.priority}
          max={100}
          title={t("priorityHint")}
          onSet={(priority) => onChange({ priority })}
        />
        <Moves {...{ number, count, onMove, onRemove }} />
      </div>
      <details className="group mt-2" open={beginsOpen}>
        <summary className="flex w-fit list-none items-center gap-1 rounded text-[13px] text-ink-soft hover:text-ink">
          <ChevronRight aria-hidden className="size-3.5 transition-transform group-open:rotate-90" />
          {t("conditions")}
        </summary>
        <Conditions {...{ at, target, onChange }} />
      </details>
    </fieldset>
  );
}

function Moves({
  number,
  count,
  onMove,
  onRemove,
}: Pick<TargetFieldsProps, "number" | "count" | "onMove" | "onRemove">) {
  const t = useRouteTexts();
  return (
    <div className="flex pb-0.5">
      <IconButton label={t("up", { number })} disabled={number === 1} onClick={() => onMove(-1)}>
        <ArrowUp aria-hidden className="size-4" />
      </IconButton>
      <IconButton label={t("down", { number })} disabled={number === count} onClick={() => onMove(1)}>
        <ArrowDown aria-hidden className="size-4" />
      </IconButton>
      <IconButton label={t("removeTarget", { number })} disabled={count === 1} onClick={onRemove}>
        <Trash2 aria-hidden className="size-4" />
      </IconButton>
    </div>
  );
}

function Count({
  onSet,
  ...rest
}: {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly step?: string;
  readonly max?: number;
  readonly title?: string;
  readonly onSet: (value: string) => void;
}) {
  return (
    <div className="w-28">
      <TextField {...rest} type="number" min={0} onChange={(event) => onSet(event.target.value)} />
    </div>
  );
}

type ConditionText = keyof Omit<
  TargetDraft,
  "id" | "place" | "weight" | "quality" | "priority" | "tools" | "media" | "kept"
>;

function Conditions({
  at,
  target,
  onChange,
}: Pick<TargetFieldsProps, "target" | "onChange"> & { readonly at: string }) {
  const t = useRouteTexts();
  const given = (field: ConditionText) => ({
    ...{ name: `${at}.${field}`, value: target[field], autoComplete: "off" },
    onChange: (event: { target: { value: string } }) => onChange({ [field]: event.target.value }),
  });
  const either = [
    ["", t("any")],
    ["true", t("with")],
    ["false", t("without")],
  ] as const;
  const chosen = (field: "tools" | "media") => ({
    ...{ name: `${at}.${field}`, value: target[field], options: either },
    onChange: (event: { target: { value: string } }) => onChange({ [field]: event.target.value }),
  });
  const count = { type: "number", min: 0, inputMode: "numeric" } as const;
  return (
    <div className="mt-3 grid gap-3 sm:grid-cols-2">
      <TextField label={t("minTokens")} {...count} {...given("minTokens")} />
      <TextField label={t("maxTokens")} {...count} {...given("maxTokens")} />
      <TextField label={t("minComplexity")} {...count} max={100} {...given("minComplexity")} />
      <TextField label={t("maxComplexity")} {...count} max={100} {...given("maxComplexity")} />
      <SelectField label={t("tools")} {...chosen("tools")} />
      <SelectField label={t("media")} {...chosen("media")} />
      <TextField label={t("mentions")} hint={t("mentionsHint")} {...given("mentions")} />
      <TextField label={t("tags")} hint={t("tagsHint")} {...given("tags")} />
      <div className="sm:col-span-2">
        <TextArea label={t("examples")} hint={t("examplesHint")} {...given("examples")} />
      </div>
      {target.examples.trim() !== "" && (
        <TextField
          {...{ label: t("similarity"), hint: t("similarityHint"), type: "number", min: 0, max: 1, step: 0.01 }}
          {...given("similarity")}
          placeholder="0.5"
        />
      )}
      {(target.kept.users.length > 0 || target.kept.keys.length > 0) && (
        <p className="text-xs text-ink-soft sm:col-span-2">{t("more")}</p>
      )}
    </div>
  );
}
