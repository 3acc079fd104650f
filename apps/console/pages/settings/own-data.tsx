import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { downloadExport, getExport, requestExport } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { saveFile } from "../../ui/save-file.ts";
import { Section } from "../../ui/section.tsx";
import { toastProblem } from "../../ui/toast.tsx";
import { Time } from "../../ui/values.tsx";
import { useSettingsTexts } from "./texts.ts";

const path = { id: "me" };
const waitMs = 2_000;

/** What Lyss keeps of oneself, as a file (GDPR, articles 15 and 20). */
export function OwnData() {
  const t = useSettingsTexts();
  const cache = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const { data } = useQuery({
    queryKey: ["export", "me"],
    queryFn: ({ signal }) => getExport({ path }, { signal }),
    // Nobody is told of an export that was never asked for: that is an error to the API.
    enabled: isAsked,
    refetchInterval: ({ state }) => state.data?.state === "running" && waitMs,
  });
  const run = async (act: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await act();
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(false);
    }
  };
  const ask = () =>
    run(async () => {
      cache.setQueryData(["export", "me"], await requestExport({ path }));
      setAsked(true);
    });
  const save = () => run(async () => saveFile("lyss-export.json", await downloadExport.download({ path })));
  const done = data?.parts.filter(({ exported_at }) => exported_at !== null).length ?? 0;
  return (
    <Section
      title={t("ownData")}
      hint={t("ownDataHint")}
      actions={
        data?.state === "ready" ? (
          <Button size="small" isBusy={isBusy} onClick={save}>
            {!isBusy && <Download aria-hidden className="size-3.5" />}
            {t("downloadData")}
          </Button>
        ) : (
          <Button size="small" isBusy={isBusy || data?.state === "running"} onClick={ask}>
            {t("askData")}
          </Button>
        )
      }
    >
      {data && (
        <p role="status" className="text-[13px] text-ink-soft">
          {data.state === "running" ? (
            t("dataRunning", { done, all: data.parts.length })
          ) : (
            <>
              {t("dataReady")} <Time at={data.expires_at} />
            </>
          )}
        </p>
      )}
    </Section>
  );
}
