import { Link2 } from "lucide-react";
import { useState } from "react";
import { paths } from "../../app/paths.ts";
import { Button } from "../../ui/button.tsx";
import { CopyLine } from "../../ui/copy-line.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { type Link, type SetUp, toFragment } from "./set-up.ts";
import { usePlaygroundTexts } from "./texts.ts";

/** Gives the set-up as a link. It stands in the fragment: no server is told. */
export function Share({ setUp }: { readonly setUp: SetUp }) {
  const t = usePlaygroundTexts();
  const [link, setLink] = useState<Link>();
  return (
    <>
      <Button onClick={async () => setLink(await toFragment(setUp))}>
        <Link2 aria-hidden className="size-4" />
        {t("share")}
      </Button>
      <Dialog
        isOpen={link !== undefined}
        onClose={() => setLink(undefined)}
        title={t("shareTitle")}
        description={t("shareHint")}
      >
        {link && "fragment" in link && (
          <CopyLine name={t("link")} text={`${location.origin}${paths.playground()}${link.fragment}`} />
        )}
        {link && "refusal" in link && (
          <p role="alert" className="text-bad">
            {t(link.refusal === "secret" ? "shareSecret" : "shareTooLong")}
          </p>
        )}
      </Dialog>
    </>
  );
}
