import { X } from "lucide-react";
import { IconButton } from "../../ui/button.tsx";
import { Card } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { type Answer, type Message, type Turn, waitsForTools } from "./answer.ts";
import { AnswerFacts } from "./answer-facts.tsx";
import { usePlaygroundTexts } from "./texts.ts";
import { ToolCalls } from "./tool-calls.tsx";

/** What a model was told and says, how fast and at what cost. */
export function AnswerCard({
  model,
  turns,
  isImage,
  onToolResults,
  onRemove,
}: {
  readonly model: string;
  readonly turns: readonly Turn[];
  readonly isImage: boolean;
  readonly onToolResults: (said: readonly Message[]) => void;
  /** Absent where it is the only one. */
  readonly onRemove: (() => void) | undefined;
}) {
  const t = usePlaygroundTexts();
  const last = turns.at(-1);
  return (
    <Card className="flex min-h-72 min-w-0 flex-col">
      <div className="flex items-center gap-2 border-b border-line py-1 pr-1.5 pl-4">
        <h2 className="min-w-0 flex-1 py-1.5 font-medium wrap-anywhere">{model}</h2>
        {onRemove && (
          <IconButton label={t("removeModel", { model })} onClick={onRemove}>
            <X aria-hidden className="size-4" />
          </IconButton>
        )}
      </div>
      <div aria-live="polite" aria-busy={last?.answer.isRunning} className="flex-1 space-y-4 px-4 py-3">
        {turns.length === 0 && <p className="text-ink-soft">{t(isImage ? "idleImage" : "idle")}</p>}
        {turns.map((turn, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: turns are only ever added
          <div key={index} className="space-y-3">
            {index > 0 && <SaidLater said={turn.said} />}
            <AnswerBody answer={turn.answer} />
            {turn.answer.toolCalls.length > 0 && (
              <ToolCalls
                calls={turn.answer.toolCalls}
                onAnswer={index === turns.length - 1 && waitsForTools(turn) ? onToolResults : undefined}
              />
            )}
          </div>
        ))}
      </div>
      {last && <AnswerFacts turns={turns} model={model} />}
    </Card>
  );
}

function AnswerBody({ answer }: { readonly answer: Answer }) {
  const t = usePlaygroundTexts();
  const { text, pictures, problem, isRunning } = answer;
  return (
    <>
      {isRunning && text === "" && (
        <p className="animate-pulse text-ink-soft" role="status">
          {t("working")}
        </p>
      )}
      {text !== "" && <div className="whitespace-pre-wrap wrap-anywhere">{text}</div>}
      {pictures.map(({ number, src, text: about }) => (
        <figure key={number}>
          {src.startsWith("data:") ? (
            <a href={src} download={`image-${number}`} title={t("download")}>
              <img
                src={src}
                alt={about || t("pictureOf", { number })}
                className="max-h-96 rounded-lg border border-line"
              />
            </a>
          ) : (
            <a href={src} target="_blank" rel="noreferrer" className="text-accent-strong underline">
              {t("openPicture", { number })}
            </a>
          )}
          {about && <figcaption className="mt-1 text-xs text-ink-soft">{about}</figcaption>}
        </figure>
      ))}
      {problem !== undefined && <ProblemNote problem={problem} />}
    </>
  );
}

/** What was said after the first message: the next one, or what tools returned. */
function SaidLater({ said }: { readonly said: readonly Message[] }) {
  const t = usePlaygroundTexts();
  return said.map(({ role, content }, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: they never change
    <div key={index} className="rounded-lg bg-sunken px-3 py-2">
      <p className="text-xs font-medium text-ink-soft">{t(role === "tool" ? "toolReturned" : "you")}</p>
      <p className="whitespace-pre-wrap wrap-anywhere">{textOf(content)}</p>
    </div>
  ));
}

function textOf(content: Message["content"]): string {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => (part.type === "text" ? part.text : "▣")).join(" ");
}
