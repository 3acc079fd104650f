import { Button } from "../../ui/button.tsx";
import { useFormIsBusy } from "../../ui/form.tsx";

/** A sign-in whose first part was right and whose second is still to come. */
export interface Challenge {
  readonly token: string;
  readonly factors: readonly string[];
}

/** Sends the form around. */
export function Submit({ text }: { readonly text: string }) {
  return (
    <Button type="submit" look="primary" className="w-full" isBusy={useFormIsBusy()}>
      {text}
    </Button>
  );
}
