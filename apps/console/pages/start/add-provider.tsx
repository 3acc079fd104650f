import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { addProvider, listProviderPresets } from "../../api/gen/client.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Loading } from "../../ui/page-parts.tsx";
import { splitList } from "../../ui/split-list.ts";
import { toast } from "../../ui/toast.tsx";
import { ModelNames } from "./model-names.tsx";
import { useStartTexts } from "./texts.ts";

/** Adds one of the well-known providers with a key of the tenant's own. */
export function AddProvider({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const t = useStartTexts();
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={t("addTitle")}>
      <ProviderForm onClose={onClose} />
    </Dialog>
  );
}

function ProviderForm({ onClose }: { readonly onClose: () => void }) {
  const t = useStartTexts();
  const cache = useQueryClient();
  const { data } = useQuery({
    queryKey: ["provider-presets"],
    queryFn: ({ signal }) => listProviderPresets({}, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  // Those whose address is the same for everybody; all others need more than a key.
  const presets = data?.data.filter(({ base_url }) => base_url !== "" && !/[{<]/.test(base_url)) ?? [];
  const [chosen, setChosen] = useState("openai");
  const preset = presets.find(({ name }) => name === chosen) ?? presets[0];
  if (!preset) return <Loading />;
  const send = async ({ api_key, models = "" }: FormValues) => {
    const names = splitList(models);
    const { name, dialect, base_url } = preset;
    await addProvider({ body: { name, dialect, base_url, api_key, models: names.map((one) => ({ name: one })) } });
    await Promise.all([["providers"], ["models"]].map((queryKey) => cache.invalidateQueries({ queryKey })));
    toast(t("added", { name }));
    onClose();
  };
  return (
    <Form onSend={send}>
      <SelectField
        name="name"
        label={t("preset")}
        value={preset.name}
        onChange={(event) => setChosen(event.target.value)}
        options={presets.map(({ name }) => [name, name])}
      />
      <TextField
        name="api_key"
        label={t("apiKey")}
        hint={t("apiKeyHint")}
        type="password"
        required
        autoComplete="off"
      />
      <ModelNames key={preset.name} known={preset.models} />
      <FormButtons act={t("add")} onClose={onClose} />
    </Form>
  );
}
