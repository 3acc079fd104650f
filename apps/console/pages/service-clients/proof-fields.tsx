import { Choice } from "../../ui/choice.tsx";
import { TextArea, TextField } from "../../ui/form.tsx";
import type { ServiceClient } from "./service-client.ts";
import { useClientTexts } from "./texts.ts";

const proofs = ["secret", "jwks_uri", "jwks"] as const;
export type Proof = (typeof proofs)[number];

/** How a client says who it is: by a secret, or by what it signs. One that signs has no secret, and gets none. */
export function ProofFields({
  proof,
  client,
  onChange,
}: {
  readonly proof: Proof;
  readonly client?: ServiceClient;
  readonly onChange: (proof: Proof) => void;
}) {
  const t = useClientTexts();
  const offered = client ? proofs.filter((one) => one !== "secret") : proofs;
  return (
    <div className="grid gap-3">
      <div>
        <p className="mb-1.5 text-[13px] font-medium">{t("proof")}</p>
        <Choice
          {...{ label: t("proof"), value: proof, onChange }}
          options={offered.map((one) => [one, t(`proof.${one}`)] as const)}
        />
      </div>
      {proof === "jwks_uri" && (
        <TextField
          {...{ name: "jwks_uri", label: t("keysAddress"), hint: t("keysAddressHint"), type: "url" }}
          placeholder="https://app.example.com/.well-known/jwks.json"
          required
          autoComplete="off"
          defaultValue={client?.jwks_uri ?? ""}
        />
      )}
      {proof === "jwks" && (
        <TextArea
          {...{ name: "jwks", label: t("keys"), hint: t("keysHint"), rows: 6, spellCheck: false }}
          required
          className="font-mono text-[13px]"
          placeholder={'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "…"}]}'}
          defaultValue={client?.jwks ? JSON.stringify(client.jwks, undefined, 2) : ""}
        />
      )}
    </div>
  );
}
