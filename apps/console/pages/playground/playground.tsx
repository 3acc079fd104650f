import { useQuery } from "@tanstack/react-query";
import { Play, Square } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { listModels } from "../../api/gen/client.ts";
import { useSearchState } from "../../app/search.ts";
import { Button } from "../../ui/button.tsx";
import { Form, type FormValues, SelectField, TextArea, TextField } from "../../ui/form.tsx";
import { Card, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { AnswerCard } from "./answer-card.tsx";
import { type Answer, runModel } from "./run-model.ts";
import { usePlaygroundTexts } from "./texts.ts";

const places = [0, 1, 2] as const;

/** Several models side by side, asked the same at once. */
export function Page() {
  const t = usePlaygroundTexts();
  const { data } = useQuery({ queryKey: ["models"], queryFn: ({ signal }) => listModels({}, { signal }) });
  const names = data && "data" in data ? data.data.map(({ id }) => id) : undefined;
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      {names ? <Desk names={names} /> : <Loading />}
    </>
  );
}

function Desk({ names }: { readonly names: readonly string[] }) {
  const t = usePlaygroundTexts();
  const [search, setSearch] = useSearchState();
  const [answers, setAnswers] = useState<readonly (Answer | undefined)[]>([]);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const chat = names.find((name) => name.startsWith("simulated-chat")) ?? names[0];
  const chosen = places.map((place) => {
    const name = search[`model${place}`] ?? (place === 0 ? chat : undefined);
    return name !== undefined && names.includes(name) ? name : undefined;
  });
  const isRunning = answers.some((answer) => answer?.isRunning);

  const run = async ({ system, message = "", temperature, max_tokens }: FormValues) => {
    const control = new AbortController();
    running.current = control;
    const toNumber = (text: string | undefined) => (text === undefined ? undefined : Number(text));
    const question = { system, message, temperature: toNumber(temperature), maxTokens: toNumber(max_tokens) };
    setAnswers([]);
    const tell = (place: number) => (answer: Answer) =>
      setAnswers((before) => places.map((one) => (one === place ? answer : before[one])));
    await Promise.all(chosen.map((model, place) => model && runModel(model, question, control.signal, tell(place))));
  };
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[20rem_1fr]">
      <Card className="p-5">
        <Form onSend={run}>
          {places.map((place) => (
            <SelectField
              key={place}
              name={`model${place}`}
              label={t("model", { number: place + 1 })}
              value={chosen[place] ?? ""}
              onChange={(event) =>
                setSearch({ [`model${place}`]: event.target.value || undefined }, { replaces: true })
              }
              options={[
                ...(place === 0 ? [] : [["", t("none")] as const]),
                ...names.map((name) => [name, name] as const),
              ]}
            />
          ))}
          <TextArea name="system" label={t("system")} hint={t("systemHint")} isOptional rows={2} />
          <TextArea name="message" label={t("message")} required rows={4} />
          <div className="grid grid-cols-2 items-end gap-3">
            <TextField
              name="temperature"
              label={t("temperature")}
              type="number"
              min={0}
              max={2}
              step={0.1}
              isOptional
            />
            <TextField name="max_tokens" label={t("maxTokens")} type="number" min={1} />
          </div>
          {isRunning ? (
            <Button className="w-full" onClick={() => running.current?.abort()}>
              <Square aria-hidden className="size-3.5" />
              {t("stop")}
            </Button>
          ) : (
            <Button type="submit" look="primary" className="w-full">
              <Play aria-hidden className="size-4" />
              {t("run")}
            </Button>
          )}
        </Form>
      </Card>
      <div className="grid gap-4 xl:auto-cols-fr xl:grid-flow-col">
        {chosen.map(
          (model, place) => model && <AnswerCard key={places[place]} model={model} answer={answers[place]} />,
        )}
      </div>
    </div>
  );
}
