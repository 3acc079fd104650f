import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ThumbsDown, ThumbsUp, X } from "lucide-react";
import { useState } from "react";
import { giveFeedback, type ListCallFeedbackResponse, listCallFeedback, removeFeedback } from "../../api/gen/client.ts";
import { useScoreName } from "../../app/feedback/sums.tsx";
import { useFeedbackTexts } from "../../app/feedback/texts.ts";
import { useLanguage } from "../../app/language.ts";
import { useNames } from "../../app/people/use-names.ts";
import { sessionQuery, useCan } from "../../app/session.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextArea, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Line, Lines, Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { usePages } from "../../ui/use-pages.tsx";
import { Time } from "../../ui/values.tsx";

type Score = ListCallFeedbackResponse["data"][number];

/** What the console gives by its two buttons. */
const helpful = "helpful";

/** What was thought of an answer, and what one thinks of it oneself. */
export function Feedback({ callId }: { readonly callId: string }) {
  const t = useFeedbackTexts();
  const cache = useQueryClient();
  const mayScore = useCan()("model:call");
  const { data: session } = useQuery(sessionQuery);
  const [open, setOpen] = useState<boolean | "other">();
  const { rows, more } = usePages(
    ["feedback", callId],
    (cursor, signal) => listCallFeedback({ path: { id: callId }, query: { cursor, limit: 50 } }, { signal }),
    mayScore,
  );
  const changed = async (said: string) => {
    await Promise.all(
      [["feedback", callId], ["feedback-sums"]].map((queryKey) => cache.invalidateQueries({ queryKey })),
    );
    toast(said);
  };
  const remove = async ({ name, author }: Score) => {
    await removeFeedback({ path: { id: callId, name }, query: { author } });
    await changed(t("removed"));
  };
  if (!mayScore || !rows) return null;
  const isOwn = (score: Score) => score.actor_id === session?.user_id;
  const own = rows.find((score) => isOwn(score) && score.name === helpful && score.author === "")?.value;
  return (
    <Section
      title={t("title")}
      hint={t("hint")}
      isFlush
      actions={
        <>
          <Button size="small" aria-pressed={own === true} onClick={() => setOpen(true)}>
            <ThumbsUp aria-hidden className="size-3.5" />
            {t("good")}
          </Button>
          <Button size="small" aria-pressed={own === false} onClick={() => setOpen(false)}>
            <ThumbsDown aria-hidden className="size-3.5" />
            {t("bad")}
          </Button>
          <Button size="small" look="ghost" onClick={() => setOpen("other")}>
            {t("other")}
          </Button>
        </>
      }
    >
      {rows.length === 0 ? (
        <p className="px-5 py-4 text-ink-soft">{t("none")}</p>
      ) : (
        <Lines>
          {rows.map((score) => (
            <Line key={score.id} actions={isOwn(score) && <Remove score={score} onRemove={remove} />}>
              <Given score={score} />
            </Line>
          ))}
        </Lines>
      )}
      {more && <div className="px-5 pb-4">{more}</div>}
      {open !== undefined && (
        <GiveScore
          {...{ callId, value: open }}
          onClose={() => setOpen(undefined)}
          onGiven={() => changed(t("given"))}
        />
      )}
    </Section>
  );
}

function Remove({ score, onRemove }: { readonly score: Score; readonly onRemove: (score: Score) => Promise<void> }) {
  const t = useFeedbackTexts();
  const nameOf = useScoreName();
  const [isAsked, setAsked] = useState(false);
  const title = t("remove", { name: nameOf(score.name) });
  return (
    <>
      <IconButton label={title} onClick={() => setAsked(true)}>
        <X aria-hidden className="size-4" />
      </IconButton>
      <Confirm
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        title={title}
        losses={[t(score.comment ? "removeLosesBoth" : "removeLoses")]}
        act={t("takeBack")}
        onConfirm={() => onRemove(score)}
      />
    </>
  );
}

function Given({ score: { name, value, comment, author, actor_id, updated_at } }: { readonly score: Score }) {
  const t = useFeedbackTexts();
  const language = useLanguage();
  const nameOf = useScoreName();
  const personOf = useNames([actor_id]);
  const shown =
    typeof value === "boolean"
      ? t(value ? "yes" : "no")
      : typeof value === "number"
        ? new Intl.NumberFormat(language).format(value)
        : value;
  return (
    <>
      <p className="font-medium">
        {nameOf(name)}: {shown}
      </p>
      {comment && <p className="wrap-anywhere">{comment}</p>}
      <p className="text-xs text-ink-soft">
        {personOf(actor_id)}
        {author && ` ${t("by", { author })}`} · <Time at={updated_at} />
      </p>
    </>
  );
}

function GiveScore({
  callId,
  value,
  onClose,
  onGiven,
}: {
  readonly callId: string;
  /** Of `helpful`; another score is named and given in the form. */
  readonly value: boolean | "other";
  readonly onClose: () => void;
  readonly onGiven: () => Promise<void>;
}) {
  const t = useFeedbackTexts();
  const send = async ({ name = helpful, score = "", comment }: FormValues) => {
    const given = value === "other" ? readScore(score) : value;
    await giveFeedback({ path: { id: callId }, body: { name, value: given, comment } });
    await onGiven();
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t(value === "other" ? "other" : value ? "good" : "bad")}>
      <Form onSend={send}>
        {value === "other" && (
          <>
            <TextField {...{ name: "name", label: t("name"), hint: t("nameHint"), maxLength: 64 }} required autoFocus />
            <TextField {...{ name: "score", label: t("value"), hint: t("valueHint"), maxLength: 100 }} required />
          </>
        )}
        <TextArea {...{ name: "comment", label: t("comment"), hint: t("commentHint") }} isOptional maxLength={2_000} />
        <FormButtons act={t("give")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

/** A number, yes or no, or else a label. */
function readScore(text: string): number | boolean | string {
  if (["yes", "true", "是"].includes(text.toLowerCase())) return true;
  if (["no", "false", "否"].includes(text.toLowerCase())) return false;
  return Number.isFinite(Number(text)) ? Number(text) : text;
}
