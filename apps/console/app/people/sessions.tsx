import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { endSession, endSessions, type ListSessionsResponse, listSessions } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { Badge, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Line, Lines, Section } from "../../ui/section.tsx";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { Time } from "../../ui/values.tsx";
import { parseAgent } from "./agent.ts";
import { usePeopleTexts } from "./texts.ts";

type Session = ListSessionsResponse["data"][number];

/** Where somebody is signed in. `person` is somebody else; left out, it is oneself. */
export function Sessions({
  person,
  hint,
}: {
  readonly person?: { readonly id: string; readonly name: string };
  readonly hint: string;
}) {
  const t = usePeopleTexts();
  const cache = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const user_id = person?.id;
  const { data, error, refetch } = useQuery({
    queryKey: ["sessions", user_id ?? "me"],
    queryFn: ({ signal }) => listSessions({ query: { limit: 50, user_id } }, { signal }),
  });
  const refresh = () => cache.invalidateQueries({ queryKey: ["sessions", user_id ?? "me"] });
  const endAll = async () => {
    const { ended } = await endSessions({ query: { user_id, keep_current: person ? undefined : "true" } });
    await refresh();
    toast(t("countEnded", { count: ended }));
  };
  const endOne = async (id: string) => {
    try {
      await endSession({ path: { id }, query: { user_id } });
      await refresh();
      toast(t("ended"));
    } catch (err) {
      toastProblem(err);
    }
  };
  const sessions = data?.data ?? [];
  const hasOthers = sessions.some(({ current }) => !current);
  return (
    <Section
      title={t("sessions")}
      hint={hint}
      isFlush
      actions={
        hasOthers && (
          <Button size="small" look="danger" onClick={() => setAsking(true)}>
            {t(person ? "endAll" : "endOthers")}
          </Button>
        )
      }
    >
      {error ? (
        <div className="p-5">
          <ProblemNote problem={error} onRetry={() => void refetch()} />
        </div>
      ) : !data ? (
        <Loading />
      ) : (
        <Lines>
          {sessions.map((session) => (
            <One key={session.id} session={session} onEnd={() => endOne(session.id)} />
          ))}
          {sessions.length === 0 && <Line>{t("noSessions")}</Line>}
          {data.next_cursor && <Line>{t("more")}</Line>}
        </Lines>
      )}
      <Confirm
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        title={person ? t("endAllTitle", { name: person.name }) : t("endOthersTitle")}
        losses={[t(person ? "endAllLoss" : "endOthersLoss")]}
        act={t(person ? "endAll" : "endOthers")}
        onConfirm={endAll}
      />
    </Section>
  );
}

function One({ session, onEnd }: { readonly session: Session; readonly onEnd: () => Promise<void> }) {
  const t = usePeopleTexts();
  const [isBusy, setBusy] = useState(false);
  const { program, system } = parseAgent(session.user_agent);
  const name = system ? t("on", { program, system }) : program || t("unknownAgent");
  const end = async () => {
    setBusy(true);
    await onEnd();
    setBusy(false);
  };
  return (
    <Line
      actions={
        !session.current && (
          <Button size="small" isBusy={isBusy} aria-label={t("endNamed", { name })} onClick={end}>
            {t("end")}
          </Button>
        )
      }
    >
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 font-medium">
        <span title={session.user_agent}>{name}</span>
        {session.current && <Badge tone="good">{t("thisOne")}</Badge>}
      </p>
      <p className="mt-0.5 text-[13px] text-ink-soft">
        <span className="inline-block">
          {t("lastSeen")} <Time at={session.last_seen_at} />
        </span>
        {" · "}
        <span className="inline-block">
          {t("signedIn")} <Time at={session.created_at} />
        </span>
        {session.client_address && (
          <>
            {" · "}
            <span className="inline-block">{t("from", { address: session.client_address })}</span>
          </>
        )}
      </p>
      {session.operator_id !== null && (
        <p className="mt-0.5 text-[13px] text-warn">{t("byOperator", { reason: session.reason ?? "" })}</p>
      )}
    </Line>
  );
}
