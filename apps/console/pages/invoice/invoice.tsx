import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { getInvoice, getStatement } from "../../api/gen/client.ts";
import type { Language } from "../../app/language.ts";
import { paths } from "../../app/paths.ts";
import { useSearchState } from "../../app/search.ts";
import { DocumentFiles, type DocumentFormat } from "../../ui/document-files.tsx";
import { Badge, Card, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Period, Time } from "../../ui/values.tsx";
import { Movements } from "./movements.tsx";
import type { Statement } from "./statement.ts";
import { Sums } from "./sums.tsx";
import { useInvoiceTexts } from "./texts.ts";
import { Usage } from "./usage.tsx";

const dayMs = 86_400_000;

/** One invoice, or, at `/invoices/statement?from=&to=`, what was posted between two days, this month’s without them. */
export function Page() {
  const { id = "" } = useParams({ strict: false }) as { readonly id?: string };
  return id === "statement" ? <StatementPage /> : <InvoicePage id={id} />;
}

function InvoicePage({ id }: { readonly id: string }) {
  const t = useInvoiceTexts();
  const { data, error, refetch } = useQuery({
    queryKey: ["invoice", id],
    queryFn: ({ signal }) => getInvoice({ path: { id } }, { signal }),
  });
  const name = data?.number ?? id;
  return (
    <>
      <Head
        title={data ? (data.number === null ? t("draftTitle") : t("title", { number: data.number })) : t("invoice")}
        description={
          data && (
            <span className="flex flex-wrap items-center gap-2">
              <span>
                <Period {...data.period} /> (UTC)
              </span>
              <Badge tone={data.state === "issued" ? "good" : "neutral"}>{t(`state.${data.state}`)}</Badge>
              {data.issued_at !== null && <Time at={data.issued_at} />}
            </span>
          )
        }
        name={name}
        load={(format, language) => getInvoice.download({ path: { id }, query: { format, language } })}
      />
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!error && !data && <Loading />}
      {data && <Body statement={data} note={t(data.state === "draft" ? "draftNote" : "prepaid")} />}
    </>
  );
}

function StatementPage() {
  const t = useInvoiceTexts();
  const [search] = useSearchState();
  const today = new Date().toISOString().slice(0, 10);
  // An address without days means this month so far.
  const { from = `${today.slice(0, 8)}01`, to = today } = search;
  const query = toRange(from, to);
  const { data, error, refetch } = useQuery({
    queryKey: ["statement", query],
    queryFn: ({ signal }) => getStatement({ query }, { signal }),
  });
  return (
    <>
      <Head
        title={t("statement")}
        description={
          data && (
            <>
              <Period {...data.period} /> (UTC)
            </>
          )
        }
        name={`statement-${from}-${to}`}
        load={(format, language) => getStatement.download({ query: { ...query, format, language } })}
      />
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!error && !data && <Loading />}
      {data && <Body statement={data} />}
    </>
  );
}

/** Days in UTC, the last one to its end; what has not come yet is left out, as the API wants it. */
function toRange(from: string, to: string) {
  const endMs = Date.parse(`${to}T00:00:00Z`) + dayMs;
  const isOver = Number.isFinite(endMs) && endMs <= Date.now();
  return { from: `${from}T00:00:00Z`, ...(isOver && { to: new Date(endMs).toISOString() }) };
}

function Head({
  title,
  description,
  name,
  load,
}: {
  readonly title: string;
  readonly description: ReactNode;
  readonly name: string;
  readonly load: (format: DocumentFormat, language: Language) => Promise<Blob>;
}) {
  const t = useInvoiceTexts();
  return (
    <>
      <Link to={paths.invoices()} className="mb-2 inline-flex items-center gap-1 text-sm text-ink-soft hover:text-ink">
        <ArrowLeft aria-hidden className="size-4" />
        {t("back")}
      </Link>
      <PageHeader title={title} description={description} actions={<DocumentFiles name={name} load={load} />} />
    </>
  );
}

/** What an invoice and a statement have in common. */
function Body({ statement, note }: { readonly statement: Statement; readonly note?: string }) {
  const t = useInvoiceTexts();
  return (
    <div className="grid grid-cols-1 gap-5">
      <Card className="grid gap-6 p-5 md:grid-cols-2">
        <Party title={t("seller")} party={statement.seller} />
        <Party title={t("buyer")} party={statement.buyer} />
      </Card>
      <Sums statement={statement} {...(note !== undefined && { note })} />
      <Usage statement={statement} />
      {statement.movements.length > 0 && <Movements statement={statement} />}
    </div>
  );
}

function Party({ title, party }: { readonly title: string; readonly party: Statement["seller"] }) {
  const t = useInvoiceTexts();
  const { name, address, tax_id, email } = party;
  return (
    <div>
      <h2 className="text-xs font-medium text-ink-soft">{title}</h2>
      {name === "" ? (
        <p className="mt-0.5 text-ink-soft">{t("nobody")}</p>
      ) : (
        <address className="mt-0.5 not-italic wrap-anywhere">
          <span className="block font-medium">{name}</span>
          {address.map((line) => (
            <span key={line} className="block">
              {line}
            </span>
          ))}
          {tax_id !== "" && <span className="block text-ink-soft">{t("taxId", { id: tax_id })}</span>}
          {email !== "" && <span className="block text-ink-soft">{email}</span>}
        </address>
      )}
    </div>
  );
}
