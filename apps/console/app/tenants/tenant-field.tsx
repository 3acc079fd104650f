import { SelectField, TextField } from "../../ui/form.tsx";
import { useTenants } from "./use-tenants.ts";

/** Whose it is: chosen by its name, or by its id where there are too many to choose from. */
export function TenantField({
  name,
  label,
  hint,
}: {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
}) {
  const { options, areAll } = useTenants();
  if (areAll) return <SelectField {...{ name, label, options }} autoFocus />;
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
