import { removeServiceClient, updateServiceClient } from "../../api/gen/client.ts";
import { Confirm } from "../../ui/confirm.tsx";
import type { ServiceClient } from "./service-client.ts";
import { useClientTexts } from "./texts.ts";

/** Takes a client out of use for a while, or for good, once it was said what stops. */
export function EndClient({
  client: { id, name },
  what,
  onClose,
  onDone,
}: {
  readonly client: ServiceClient;
  readonly what: "disable" | "remove";
  readonly onClose: () => void;
  readonly onDone: (said: string) => Promise<void>;
}) {
  const t = useClientTexts();
  return what === "disable" ? (
    <Confirm
      isOpen
      onClose={onClose}
      title={t("disableTitle", { name })}
      losses={[t("stops"), t("disableLoss")]}
      act={t("disable")}
      onConfirm={async () => {
        await updateServiceClient({ path: { id }, body: { disabled: true } });
        await onDone(t("wasDisabled", { name }));
      }}
    />
  ) : (
    <Confirm
      isOpen
      onClose={onClose}
      title={t("removeTitle", { name })}
      losses={[t("stops"), t("removeLoss")]}
      act={t("remove")}
      word={name}
      onConfirm={async () => {
        await removeServiceClient({ path: { id } });
        await onDone(t("wasRemoved", { name }));
      }}
    />
  );
}
