import type { ListPermissionsResponse } from "../api/gen/client.ts";
import { wordsOf } from "../app/audit/acts.ts";
import { useLanguage } from "../app/language.ts";
import { usePermissionName } from "../app/permissions/permission-name.ts";
import { permissionAreas } from "../app/permissions/words.ts";
import { CheckField } from "./check-field.tsx";

/** Permissions to give, by what they are for. What is chosen and not offered (`user:*`) stands first, and can be taken out. */
export function PermissionPicker({
  label,
  offered,
  chosen,
  isDisabled = () => false,
  onChange,
}: {
  readonly label: string;
  readonly offered: ListPermissionsResponse["data"];
  readonly chosen: readonly string[];
  /** What may not be given by who looks. */
  readonly isDisabled?: (permission: string) => boolean;
  readonly onChange: (chosen: readonly string[]) => void;
}) {
  const language = useLanguage();
  const nameOf = usePermissionName();
  const names = new Set(offered.map(({ permission }) => permission));
  const others = chosen.filter((one) => !names.has(one)).map((permission) => ({ permission, description: "" }));
  const areas = Map.groupBy([...others, ...offered], ({ permission }) => permission.split(":")[0] ?? "");
  const toggle = (permission: string) =>
    onChange(chosen.includes(permission) ? chosen.filter((one) => one !== permission) : [...chosen, permission]);
  return (
    <fieldset>
      <legend className="mb-1.5 text-[13px] font-medium">{label}</legend>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section aria-label={label} tabIndex={0} className="max-h-80 overflow-y-auto rounded-md border border-line p-4">
        {[...areas].map(([area, permissions]) => (
          <div key={area} className="mb-5 grid gap-2 last:mb-0">
            <h3 className="text-xs font-medium text-ink-soft">{wordsOf(permissionAreas, area, language)}</h3>
            {permissions.map(({ permission, description }) => {
              const covered = permission !== `${area}:*` && chosen.includes(`${area}:*`);
              return (
                <CheckField
                  key={permission}
                  label={
                    <>
                      {nameOf(permission)} <code className="font-mono text-xs text-ink-soft">{permission}</code>
                    </>
                  }
                  {...(description && { hint: description })}
                  checked={covered || chosen.includes(permission)}
                  disabled={covered || (isDisabled(permission) && !chosen.includes(permission))}
                  onChange={() => toggle(permission)}
                />
              );
            })}
          </div>
        ))}
      </section>
    </fieldset>
  );
}
