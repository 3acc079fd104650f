import { refuseField } from "../call/refuse-field.ts";

/** The refusal of a field that only the owner of the provider's account may use. */
export function ownersOnly(path: string) {
  return refuseField(
    path.slice(0, 200),
    "can be used only at a provider of your own, or where the operator allows it",
    "只能在您自己的供应商上使用，或须经运营方允许",
  );
}
