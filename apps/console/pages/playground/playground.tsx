import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { listModels } from "../../api/gen/client.ts";
import { useSearchState } from "../../app/search.ts";
import { join } from "../../ui/join.ts";
import { Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { toast } from "../../ui/toast.tsx";
import type { Message } from "./answer.ts";
import { AnswerCard } from "./answer-card.tsx";
import { toContent } from "./prompt.ts";
import { Prompts } from "./prompts.tsx";
import { type Attachment, emptySetUp, fillIn, fromFragment, type SetUp, variablesOf } from "./set-up.ts";
import { SetUpForm } from "./set-up-form.tsx";
import { Share } from "./share.tsx";
import { usePlaygroundTexts } from "./texts.ts";
import { useThreads } from "./use-threads.ts";

const imageName = /image|dall-e|imagen|flux|diffusion/i;

/** Several models side by side, asked the same at once. */
export function Page() {
  const t = usePlaygroundTexts();
  const { data, error } = useQuery({ queryKey: ["models"], queryFn: ({ signal }) => listModels({}, { signal }) });
  const [search] = useSearchState();
  const [given, setGiven] = useState<SetUp>();
  const broken = t("linkBroken");
  useEffect(() => {
    const begin = async () => {
      const linked = location.hash === "" ? undefined : await fromFragment(location.hash);
      if (location.hash !== "" && !linked) toast(broken, "bad");
      const { model } = search;
      setGiven((before) => before ?? linked ?? { ...emptySetUp, models: model ? [model] : [] });
    };
    void begin();
  }, [search, broken]);
  if (error) return <ProblemNote problem={error} />;
  const names = data && "data" in data ? data.data.map(({ id }) => id) : undefined;
  if (!names || !given) return <Loading />;
  return <Desk names={names} given={given} />;
}

function Desk({ names, given }: { readonly names: readonly string[]; readonly given: SetUp }) {
  const t = usePlaygroundTexts();
  const [setUp, setSetUp] = useState(() => withKnownModels(given, names));
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [images, setImages] = useState<readonly Attachment[]>([]);
  const { threads, isRunning, ask, stop, clear } = useThreads();
  const isImage = setUp.kind === "image";

  const change = (part: Partial<SetUp>) => {
    // Answers belong to their models, and to what was asked of them.
    if (part.models || part.kind) clear();
    setSetUp((before) => {
      const next = { ...before, ...part };
      return part.kind ? withKnownModels({ ...next, models: [] }, names) : next;
    });
  };
  const all = (said: readonly Message[]) => new Map(setUp.models.map((_model, place) => [place, said]));
  const question = (): Message => {
    const text = fillIn(setUp.message, values);
    return { role: "user", content: isImage ? text : toContent(text, images) };
  };
  const begin = () => {
    const system = fillIn(setUp.system, values);
    const earlier = setUp.earlier.map(({ role, content, images: shown = [] }) => ({
      ...{ role, content: toContent(fillIn(content, values), shown) },
    }));
    const before: readonly Message[] = isImage
      ? []
      : [...(system.trim() === "" ? [] : [{ role: "system" as const, content: system }]), ...earlier];
    return ask(setUp, all([...before, question()]), { begins: true });
  };
  const goOn = () => {
    const asked = ask(setUp, all([question()]));
    change({ message: "" });
    setImages([]);
    return asked;
  };
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={
          <>
            <Prompts
              now={{ setUp, images }}
              onOpen={({ setUp: opened, images: shown }) => {
                clear();
                setImages(shown);
                setSetUp(
                  withKnownModels(
                    { ...opened, models: opened.models.length > 0 ? opened.models : setUp.models },
                    names,
                  ),
                );
              }}
            />
            <Share setUp={setUp} />
          </>
        }
      />
      <div className="grid items-start gap-4 lg:grid-cols-[22rem_1fr]">
        <SetUpForm
          {...{ names, setUp, change, values, setValues, images, setImages, isRunning }}
          variables={variablesOf(setUp)}
          mayContinue={!isImage && threads.some((turns) => turns.length > 0)}
          onRun={begin}
          onContinue={goOn}
          onStop={stop}
        />
        <div className={join("grid min-w-0 gap-4", setUp.models.length > 1 && "xl:grid-cols-2")}>
          {setUp.models.map((model, place) => (
            <AnswerCard
              key={model}
              {...{ model, isImage }}
              turns={threads[place] ?? []}
              onToolResults={(said) => void ask(setUp, new Map([[place, said]]))}
              onRemove={
                setUp.models.length > 1 && !isRunning
                  ? () => change({ models: setUp.models.filter((one) => one !== model) })
                  : undefined
              }
            />
          ))}
        </div>
      </div>
    </>
  );
}

/** Models that are not there are left out; without any it is the first that does what is wanted, the simulated one before others. */
function withKnownModels(setUp: SetUp, names: readonly string[]): SetUp {
  const models = [...new Set(setUp.models)].filter((name) => names.includes(name));
  if (models.length > 0) return { ...setUp, models };
  const wanted = setUp.kind === "image" ? imageName : /^simulated-chat/;
  const first = names.find((name) => wanted.test(name)) ?? names[0];
  return { ...setUp, models: first === undefined ? [] : [first] };
}
