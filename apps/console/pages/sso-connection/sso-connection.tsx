import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { getSsoConnection } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { useSsoParts } from "../../app/sso/texts.ts";
import { BackLink } from "../../ui/back-link.tsx";
import { Badge, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Addresses } from "./addresses.tsx";
import { End } from "./end.tsx";
import { Mappings } from "./mappings.tsx";
import { Provider } from "./provider.tsx";
import { Rules } from "./rules.tsx";
import { ScimTokens } from "./scim-tokens.tsx";
import { useConnectionTexts } from "./texts.ts";

/** One identity provider: how it is reached, who signs in by it, what its groups give, and how it manages people by itself. */
export function Page() {
  const t = useConnectionTexts();
  const { id = "" } = useParams({ strict: false }) as { readonly id?: string };
  const { data, error, refetch } = useQuery({
    queryKey: ["sso", id],
    queryFn: ({ signal }) => getSsoConnection({ path: { id } }, { signal }),
  });
  return (
    <>
      <BackLink to={paths.sso()} text={t("back")} />
      <PageHeader title={data?.name ?? t("title")} {...(data && { description: <State connection={data} /> })} />
      {error && !data ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading />
      ) : (
        <div className="grid gap-5">
          <Provider connection={data} />
          <Addresses connection={data} />
          <Rules connection={data} />
          <Mappings connection={data} />
          <ScimTokens connection={data} />
          <End connection={data} />
        </div>
      )}
    </>
  );
}

function State({ connection: { kind, enabled, enforced } }: { readonly connection: Connection }) {
  const parts = useSsoParts();
  return (
    <span className="flex flex-wrap items-center gap-2">
      {parts(`kind.${kind}`)}
      <Badge tone={enabled ? "good" : "neutral"}>{parts(enabled ? "enabled" : "disabled")}</Badge>
      {enforced && <Badge tone="accent">{parts("enforced")}</Badge>}
    </span>
  );
}
