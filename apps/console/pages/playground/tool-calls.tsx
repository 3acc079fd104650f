import { Wrench } from "lucide-react";
import { Form, type FormValues, TextArea } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import type { Message, ToolCall } from "./answer.ts";
import { usePlaygroundTexts } from "./texts.ts";

/** The tools that a model wants called. Whoever asks plays them: what they return is typed in, and the model goes on. */
export function ToolCalls({
  calls,
  onAnswer,
}: {
  readonly calls: readonly ToolCall[];
  /** Absent while they are not to be answered, or no more. */
  readonly onAnswer: ((said: readonly Message[]) => void) | undefined;
}) {
  const t = usePlaygroundTexts();
  const send = async (values: FormValues) =>
    onAnswer?.(
      calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: values[`result-${id}`] ?? "" })),
    );
  const shown = calls.map((call) => (
    <div key={call.id} className="rounded-lg border border-line">
      <p className="flex items-center gap-2 border-b border-line px-3 py-1.5 text-[13px]">
        <Wrench aria-hidden className="size-3.5 shrink-0 text-accent-strong" />
        <code className="min-w-0 font-mono wrap-anywhere">{call.name}</code>
      </p>
      <pre className="px-3 py-2 font-mono text-[12.5px] whitespace-pre-wrap wrap-anywhere">{toPretty(call.input)}</pre>
      {onAnswer && (
        <div className="border-t border-line px-3 py-2.5">
          <TextArea
            name={`result-${call.id}`}
            label={t("toolResult", { name: call.name })}
            hint={t("toolResultHint")}
            rows={2}
            required
          />
        </div>
      )}
    </div>
  ));
  if (!onAnswer) return <div className="space-y-3">{shown}</div>;
  return (
    <Form onSend={send}>
      {shown}
      <FormButtons act={t("goOn")} />
    </Form>
  );
}

/** Not yet whole while it comes. */
function toPretty(input: string): string {
  try {
    return JSON.stringify(JSON.parse(input), null, 2);
  } catch {
    return input;
  }
}
