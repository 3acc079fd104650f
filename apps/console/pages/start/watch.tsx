import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { listUsage } from "../../api/gen/client.ts";
import { CallStatusBadge } from "../../ui/call-status.tsx";
import { join } from "../../ui/join.ts";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Duration, Money, Quantity, Time } from "../../ui/values.tsx";
import { useStartTexts } from "./texts.ts";

/** What scrolls must be reached by keyboard. */
const scrollStop = 0;
const everyMs = 1_500;
/** On a phone only these have columns; the rest is told on the call's own page. */
const onPhone: readonly string[] = ["model", "status", "cost"];

function classOf(column: string): string | undefined {
  return onPhone.includes(column) ? undefined : "max-md:hidden";
}

/** The latest calls, as they arrive: of the key that was made here, or of all. */
export function Watch({ keyId, onSeen }: { readonly keyId: string | undefined; readonly onSeen: () => void }) {
  const t = useStartTexts();
  const [openedAt] = useState(() => new Date().toISOString());
  const { data, error } = useQuery({
    queryKey: ["list", "usage", "latest", keyId],
    queryFn: ({ signal }) => listUsage({ query: { limit: 5, key_id: keyId } }, { signal }),
    refetchInterval: everyMs,
  });
  const calls = data?.data ?? [];
  const isSeen = calls.some((call) => keyId !== undefined || call.started_at >= openedAt);
  useEffect(() => {
    if (isSeen) onSeen();
  }, [isSeen, onSeen]);
  if (error) return <ProblemNote problem={error} />;
  return (
    <>
      <p role="status" className="flex items-center gap-2.5">
        <span aria-hidden className={`size-2 rounded-full ${isSeen ? "bg-good" : "animate-pulse bg-accent"}`} />
        {t(isSeen ? "watchSeen" : "watchWaiting")}
      </p>
      {calls.length > 0 && (
        <section
          className="relative mt-3 overflow-x-auto rounded-lg border border-line"
          aria-label={t("watchLatest")}
          tabIndex={scrollStop}
        >
          <table className="w-full text-sm">
            <thead>
              <tr className="border-b border-line text-left text-xs text-ink-soft">
                {(["model", "status", "tokens", "cost", "latency", "when"] as const).map((key) => (
                  <th
                    key={key}
                    scope="col"
                    className={join("h-8 px-2 font-medium whitespace-nowrap md:px-3", classOf(key))}
                  >
                    {t(key)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {calls.map((call) => (
                <tr
                  key={`${call.id}-${call.attempt}`}
                  className="appear border-b border-line last:border-0 *:h-10 *:px-2 *:whitespace-nowrap md:*:px-3"
                >
                  <td className="font-medium max-md:py-2 max-md:whitespace-normal!">
                    <span className="block min-w-20 wrap-anywhere">{call.model}</span>
                    <span className="block text-xs font-normal text-ink-soft md:hidden">
                      <Time at={call.started_at} />
                    </span>
                  </td>
                  <td>
                    <CallStatusBadge status={call.status} />
                  </td>
                  <td className={classOf("tokens")}>
                    <Quantity value={call.input_tokens + call.output_tokens} />
                  </td>
                  <td>
                    <Money nanos={call.cost_nanos} />
                  </td>
                  <td className={classOf("latency")}>
                    <Duration ms={call.latency_ms} />
                  </td>
                  <td className={classOf("when")}>
                    <Time at={call.started_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}
