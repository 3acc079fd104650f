import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { type GetCallReceiptResponse, getCallReceipt, getReceipt } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useListNames } from "../../app/people/use-list-names.ts";
import { useNames } from "../../app/people/use-names.ts";
import { useCallErrorTexts } from "../../ui/call-error.ts";
import { CallStatusBadge } from "../../ui/call-status.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Card, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Duration, Money, Quantity, Time } from "../../ui/values.tsx";
import { CostLines } from "./cost-lines.tsx";
import { Feedback } from "./feedback.tsx";
import { Meaning } from "./meaning.tsx";
import { Refund, Refunds } from "./refund.tsx";
import { Routing } from "./routing.tsx";
import { useRequestTexts } from "./texts.ts";
import { Waterfall } from "./waterfall.tsx";

/** One call: what became of it, why it went where it did, and what it cost. */
export function Page() {
  const t = useRequestTexts();
  const { id = "" } = useParams({ strict: false }) as { readonly id?: string };
  const receipt = useQuery({
    queryKey: ["receipt", id],
    queryFn: ({ signal }) => getReceipt({ path: { call_id: id } }, { signal }),
  });
  const call = useQuery({
    queryKey: ["call-receipt", id],
    queryFn: ({ signal }) => getCallReceipt({ path: { id } }, { signal }),
  });
  const back = (
    <Link to={paths.requests()} className="inline-flex items-center gap-1 text-sm text-ink-soft hover:text-ink">
      <ArrowLeft aria-hidden className="size-4" />
      {t("back")}
    </Link>
  );
  const title = (
    <>
      {back}
      <div className="h-2" />
      <PageHeader
        title={t("title")}
        actions={receipt.data && <Refund receipt={receipt.data} />}
        description={
          <span className="flex items-center gap-1">
            <code className="font-mono text-[13px] wrap-anywhere">{id}</code>
            <CopyButton text={id} />
          </span>
        }
      />
    </>
  );
  const problem = receipt.error ?? call.error;
  if (problem) {
    return (
      <>
        {title}
        <ProblemNote problem={problem} onRetry={() => void Promise.all([receipt.refetch(), call.refetch()])} />
      </>
    );
  }
  if (!receipt.data || !call.data) {
    return (
      <>
        {title}
        <Loading />
      </>
    );
  }
  const last = receipt.data.attempts.at(-1);
  return (
    <>
      {title}
      <div className="grid grid-cols-1 gap-5">
        {last && (
          <Facts usage={last.usage} costNanos={receipt.data.cost_nanos} savedNanos={call.data.cache_saved_nanos} />
        )}
        <Waterfall attempts={call.data.attempts} />
        {receipt.data.attempts.map((attempt) => (
          <CostLines key={attempt.usage.attempt} attempt={attempt} currency={receipt.data.currency} />
        ))}
        <Refunds refunds={receipt.data.refunds} currency={receipt.data.currency} />
        <Feedback callId={id} />
        {call.data.routing && <Routing routing={call.data.routing} />}
        {call.data.meaning.map((meaning) => (
          <Meaning key={meaning.model} meaning={meaning} />
        ))}
        {call.data.guardrails.length > 0 && <Found guardrails={call.data.guardrails} />}
      </div>
    </>
  );
}

function Found({ guardrails }: Pick<GetCallReceiptResponse, "guardrails">) {
  const t = useRequestTexts();
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("guardrails")}</h2>
      <ul className="mt-2 list-disc pl-5">
        {guardrails.map(({ name, count, side }) => (
          <li key={`${name}-${side}`}>{t(`found.${side}`, { name, count })}</li>
        ))}
      </ul>
    </Card>
  );
}

type Usage = Awaited<ReturnType<typeof getReceipt>>["attempts"][number]["usage"];

function Facts({
  usage,
  costNanos,
  savedNanos,
}: {
  readonly usage: Usage;
  readonly costNanos: string;
  readonly savedNanos: string | null;
}) {
  const t = useRequestTexts();
  const error = useCallErrorTexts();
  const nameOf = useNames([usage.user_id]);
  const keys = useListNames("key").names;
  const tags = Object.entries(usage.tags).map(([name, value]) => `${name}=${value}`);
  return (
    <Card className="p-5">
      <dl className="grid grid-cols-2 gap-x-6 gap-y-4 md:grid-cols-4">
        <Fact name={t("model")}>
          {usage.model} <CallStatusBadge status={usage.status} />
        </Fact>
        <Fact name={t("cost")}>
          <Money nanos={costNanos} />
        </Fact>
        <Fact name={t("tokens")}>
          <Quantity value={usage.input_tokens} /> / <Quantity value={usage.output_tokens} />
        </Fact>
        <Fact name={t("latency")}>
          <Duration ms={usage.latency_ms} />
        </Fact>
        {usage.first_token_ms !== null && (
          <Fact name={t("firstToken")}>
            <Duration ms={usage.first_token_ms} />
          </Fact>
        )}
        {usage.error && <Fact name={t("error")}>{error(usage.error)}</Fact>}
        <Fact name={t("when")}>
          <Time at={usage.started_at} />
        </Fact>
        <Fact name={t("key")}>{usage.key_id ? (keys.get(usage.key_id) ?? usage.key_id) : t("none")}</Fact>
        <Fact name={t("person")}>{usage.user_id ? nameOf(usage.user_id) : t("none")}</Fact>
        <Fact name={t("tags")}>{tags.join(", ") || t("none")}</Fact>
        {savedNanos !== null && (
          <Fact name={t("saved")}>
            <Money nanos={savedNanos} />
          </Fact>
        )}
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs font-medium text-ink-soft">{name}</dt>
      <dd className="mt-0.5 wrap-anywhere">{children}</dd>
    </div>
  );
}
