import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { createKey, listKeys, listModels, listProviders } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { useCan } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Badge, Card, PageHeader } from "../../ui/page-parts.tsx";
import { Snippet } from "../../ui/snippet.tsx";
import { toastProblem } from "../../ui/toast.tsx";
import { AddProvider } from "./add-provider.tsx";
import { toSnippets } from "./snippets.ts";
import { useStartTexts } from "./texts.ts";
import { Watch } from "./watch.tsx";

/** The checklist of a first visit: provider, key, call, and the call as it arrives. */
export function Page() {
  const t = useStartTexts();
  const language = useLanguage();
  const [secret, setSecret] = useState<string>();
  const [keyId, setKeyId] = useState<string>();
  const [isSeen, setSeen] = useState(false);
  const model = useFirstModel();
  const question = language === "zh-CN" ? "你好，请打个招呼。" : "Say hello.";
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      <ol className="space-y-4">
        <ProviderStep number={1} />
        <KeyStep
          number={2}
          secret={secret}
          onMade={(made) => {
            setSecret(made.secret);
            setKeyId(made.id);
          }}
        />
        <Step number={3} title={t("callTitle")} isDone={isSeen}>
          <p className="mb-3 text-ink-soft">{t("callHint")}</p>
          <Snippet tabs={toSnippets(secret, model, question)} />
        </Step>
        <Step number={4} title={t("watchTitle")} isDone={isSeen}>
          <Watch keyId={keyId} onSeen={() => setSeen(true)} />
        </Step>
      </ol>
    </>
  );
}

function useFirstModel(): string {
  const { data } = useQuery({ queryKey: ["models"], queryFn: ({ signal }) => listModels({}, { signal }) });
  const names = data && "data" in data ? data.data.map(({ id }) => id) : [];
  return names.find((name) => name.startsWith("simulated-chat")) ?? names[0] ?? "simulated-chat";
}

function ProviderStep({ number }: { readonly number: number }) {
  const t = useStartTexts();
  const mayAdd = useCan()("provider:create");
  const [isAdding, setAdding] = useState(false);
  const { data } = useQuery({ queryKey: ["providers"], queryFn: ({ signal }) => listProviders({}, { signal }) });
  const names = data?.data.map(({ name }) => name) ?? [];
  const list = new Intl.ListFormat(useLanguage(), { type: "conjunction" });
  return (
    <Step number={number} title={t("providerTitle")} isDone={names.length > 0}>
      {names.length > 0 && <p className="mb-1">{t("providerReady", { names: list.format(names) })}</p>}
      <p className="text-ink-soft">{t("providerHint")}</p>
      {mayAdd && (
        <Button className="mt-3" onClick={() => setAdding(true)}>
          <Plus aria-hidden className="size-4" />
          {t("providerAdd")}
        </Button>
      )}
      <AddProvider isOpen={isAdding} onClose={() => setAdding(false)} />
    </Step>
  );
}

function KeyStep({
  number,
  secret,
  onMade,
}: {
  readonly number: number;
  readonly secret: string | undefined;
  readonly onMade: (made: { readonly id: string; readonly secret: string }) => void;
}) {
  const t = useStartTexts();
  const cache = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const { data } = useQuery({
    queryKey: ["list", "keys", "active"],
    queryFn: ({ signal }) => listKeys({ query: { status: "active", limit: 200 } }, { signal }),
  });
  const count = data?.data.length ?? 0;
  const make = async () => {
    setBusy(true);
    try {
      onMade(await createKey({ body: { name: t("keyName") } }));
      await cache.invalidateQueries({ queryKey: ["list", "keys"] });
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Step number={number} title={t("keyTitle")} isDone={secret !== undefined || count > 0}>
      {secret === undefined ? (
        <>
          <p className="text-ink-soft">{count > 0 ? t("keyHave", { count }) : t("keyHint")}</p>
          <Button look="primary" className="mt-3" isBusy={isBusy} onClick={make}>
            {t("keyCreate")}
          </Button>
        </>
      ) : (
        <>
          <p>{t("keyNow")}</p>
          <p className="mt-2 flex items-center gap-2 rounded-lg border border-line bg-sunken py-1 pr-1 pl-3">
            <code className="min-w-0 flex-1 font-mono break-all text-[13px]" data-testid="secret">
              {secret}
            </code>
            <CopyButton text={secret} />
          </p>
        </>
      )}
    </Step>
  );
}

function Step({
  number,
  title,
  isDone,
  children,
}: {
  readonly number: number;
  readonly title: string;
  readonly isDone: boolean;
  readonly children: ReactNode;
}) {
  const t = useStartTexts();
  return (
    <li>
      <Card className="flex gap-4 p-5 max-sm:flex-col max-sm:gap-2">
        <span
          aria-hidden
          className={`grid size-7 shrink-0 place-items-center rounded-full text-[13px] font-semibold ${isDone ? "bg-good-soft text-good" : "bg-sunken text-ink-soft"}`}
        >
          {isDone ? <Check className="size-4" /> : number}
        </span>
        <div className="min-w-0 flex-1">
          <div className="mb-1.5 flex items-center gap-2.5">
            <h2 className="text-[15px] font-semibold">{title}</h2>
            {isDone ? <Badge tone="good">{t("done")}</Badge> : <span className="sr-only">{t("open")}</span>}
          </div>
          {children}
        </div>
      </Card>
    </li>
  );
}
