import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { listPrices } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { paths } from "../../app/paths.ts";
import { useSearchState } from "../../app/search.ts";
import { useCan } from "../../app/session.ts";
import { Card, EmptyState, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { formatTime } from "../../ui/values.tsx";
import { type Price, toTerms } from "./terms.ts";
import { usePriceTexts } from "./texts.ts";
import { Versions } from "./versions.tsx";
import { usePriceWords } from "./words.ts";

/** What a model costs, line by line; for operators its versions, two of them side by side. */
export function Page() {
  const t = usePriceTexts();
  const language = useLanguage();
  const isOperator = useCan()("platform:billing");
  const [{ provider = "", model = "" }] = useSearchState();
  const { data, error, refetch } = useQuery({
    queryKey: ["prices", provider],
    queryFn: ({ signal }) => listPrices({ query: { provider } }, { signal }),
  });
  const price = data?.data.find((one) => one.model === model);
  return (
    <>
      <Link to={paths.prices()} className="mb-2 inline-flex items-center gap-1 text-sm text-ink-soft hover:text-ink">
        <ArrowLeft aria-hidden className="size-4" />
        {t("back")}
      </Link>
      <PageHeader
        title={model || t("title")}
        description={
          <>
            {provider}
            {price && (
              <>
                {" · "}
                {t("version", { number: price.version })} · {t("since")} {formatTime(price.effective_at, language)}
              </>
            )}
          </>
        }
      />
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!error && !data && <Loading />}
      {data && !price && (
        <Card>
          <EmptyState title={t("noneTitle")}>{t("none")}</EmptyState>
        </Card>
      )}
      {price && (
        <div className="grid grid-cols-1 gap-5">
          <Terms price={price} />
          {isOperator && <Versions provider={provider} model={model} />}
        </div>
      )}
    </>
  );
}

function Terms({ price: { terms, currency } }: { readonly price: Price }) {
  const t = usePriceTexts();
  const { nameOf, rateOf, markupOf } = usePriceWords();
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("now")}</h2>
      <p className="mt-0.5 text-[13px] text-ink-soft">{t("nowHint")}</p>
      <dl className="mt-3 divide-y divide-line">
        {toTerms(terms).map((term) => (
          <div key={term.key} className="flex flex-wrap justify-between gap-x-4 py-2">
            <dt>{nameOf(term)}</dt>
            <dd className="tabular-nums">{rateOf(term.nanos, term, currency)}</dd>
          </div>
        ))}
        {terms.markup_ppm !== 0 && (
          <div className="flex flex-wrap justify-between gap-x-4 py-2 font-medium">
            <dt>{t("markup")}</dt>
            <dd className="tabular-nums">{markupOf(terms.markup_ppm)}</dd>
          </div>
        )}
      </dl>
    </Card>
  );
}
