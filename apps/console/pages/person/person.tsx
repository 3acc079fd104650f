import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { getUser, listAuditEntries, listGroups } from "../../api/gen/client.ts";
import { acts, wordsOf } from "../../app/audit/acts.ts";
import { useLanguage } from "../../app/language.ts";
import { paths } from "../../app/paths.ts";
import { type Person, PersonActions } from "../../app/people/person-actions.tsx";
import { Sessions } from "../../app/people/sessions.tsx";
import { StatusBadge } from "../../app/people/status-badge.tsx";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { useNames } from "../../app/people/use-names.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { sessionQuery, useCan } from "../../app/session.ts";
import { BackLink } from "../../ui/back-link.tsx";
import { buttonClass } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Fact, Facts, Line, Lines, Section } from "../../ui/section.tsx";
import { Time } from "../../ui/values.tsx";
import { usePersonTexts } from "./texts.ts";

/** One person: role, groups, where they are signed in, and what was done by and to them. */
export function Page() {
  const t = usePersonTexts();
  const can = useCan();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const { id = "" } = useParams({ strict: false }) as { readonly id?: string };
  const { data: session } = useQuery(sessionQuery);
  const found = useQuery({ queryKey: ["user", id], queryFn: ({ signal }) => getUser({ path: { id } }, { signal }) });
  const person = found.data;
  const isSelf = session?.user_id === id;
  const refresh = () =>
    Promise.all(["user", "sessions", "list", "audit"].map((name) => cache.invalidateQueries({ queryKey: [name] })));
  // Who is gone is not asked for again.
  const leave = async () => {
    await navigate({ to: paths.people() } as never);
    cache.removeQueries({ queryKey: ["user", id] });
    await cache.invalidateQueries({ queryKey: ["list"] });
  };
  return (
    <>
      <BackLink to={paths.people()} text={t("back")} />
      <PageHeader
        title={person?.name || person?.email || t("person")}
        description={person?.email}
        actions={
          person &&
          can("user:update") &&
          !isSelf && <PersonActions {...{ person }} onChanged={refresh} onRemoved={leave} />
        }
      />
      {found.error && !person ? (
        <ProblemNote problem={found.error} onRetry={() => void found.refetch()} />
      ) : !person ? (
        <Loading />
      ) : (
        <div className="grid gap-5">
          <Known person={person} />
          {can("group:read") && <Groups id={id} />}
          {(isSelf || can("session:manage")) && (
            <Sessions {...(!isSelf && { person })} hint={t(isSelf ? "ownSessionsHint" : "sessionsHint")} />
          )}
          {can("audit:read") && <Acts id={id} />}
        </div>
      )}
    </>
  );
}

function Known({ person }: { readonly person: Person }) {
  const t = usePersonTexts();
  const parts = usePeopleTexts();
  const { titleOf } = useRoles();
  return (
    <Section title={t("facts")}>
      <Facts>
        <Fact name={parts("role")}>{titleOf(person.role)}</Fact>
        <Fact name={t("status")}>
          <StatusBadge status={person.status} />
        </Fact>
        <Fact name={t("joined")}>
          <Time at={person.created_at} />
        </Fact>
        <Fact name={t("id")}>
          <span className="flex items-center gap-1">
            <code className="font-mono text-[13px]">{person.id}</code>
            <CopyButton text={person.id} />
          </span>
        </Fact>
      </Facts>
    </Section>
  );
}

function Groups({ id }: { readonly id: string }) {
  const t = usePersonTexts();
  const { data } = useQuery({
    queryKey: ["list", "groups", "of", id],
    queryFn: ({ signal }) => listGroups({ query: { member: id, status: "active", limit: 100 } }, { signal }),
  });
  if (!data) return null;
  return (
    <Section title={t("groups")} hint={t("groupsHint")}>
      {data.data.length === 0 ? (
        <p className="text-ink-soft">{t("noGroups")}</p>
      ) : (
        <ul className="flex flex-wrap gap-2">
          {data.data.map((group) => (
            <li key={group.id}>
              <Link to={paths.group(group.id)} className={buttonClass("secondary", "small")}>
                {group.name}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Acts({ id }: { readonly id: string }) {
  const t = usePersonTexts();
  const { data, error } = useQuery({
    queryKey: ["audit", "person", id],
    queryFn: ({ signal }) => listAuditEntries({ query: { subject_id: id, limit: 15 } }, { signal }),
  });
  const nameOf = useNames([]);
  const language = useLanguage();
  return (
    <Section
      title={t("audit")}
      hint={t("auditHint")}
      isFlush
      actions={
        <Link to={paths.audit()} search={{ actor_id: id } as never} className={buttonClass("secondary", "small")}>
          {t("byThem")}
        </Link>
      }
    >
      {error && (
        <div className="p-5">
          <ProblemNote problem={error} />
        </div>
      )}
      <Lines>
        {data?.data.map((entry) => (
          <Line key={entry.id} actions={<Time at={entry.happened_at} />}>
            <p title={entry.act}>{wordsOf(acts, entry.act, language)}</p>
            <p className="text-[13px] text-ink-soft">
              {entry.actor_id === null ? t("byPlatform") : t("by", { name: nameOf(entry.actor_id) })}
              {entry.client_address && ` · ${entry.client_address}`}
            </p>
          </Line>
        ))}
        {data?.data.length === 0 && <Line>{t("noAudit")}</Line>}
      </Lines>
    </Section>
  );
}
