import { TextField } from "../../ui/form.tsx";
import { useTenants } from "./use-tenants.ts";

/** Whose it is: by its id, which is offered with its name. */
export function TenantField({
  name,
  label,
  hint,
}: {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
}) {
  const { options } = useTenants();
  return (
    <>
      <TextField {...{ name, label, hint, list: "tenants", maxLength: 64, autoComplete: "off" }} required autoFocus />
      <datalist id="tenants">
        {options.map(([id, title]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </datalist>
    </>
  );
}
