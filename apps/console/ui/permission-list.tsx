import { usePermissionName } from "../app/permissions/permission-name.ts";

/** Permissions by their names; what the API calls each stands small beside it, for who writes programs. */
export function PermissionList({ permissions }: { readonly permissions: readonly string[] }) {
  const nameOf = usePermissionName();
  return (
    <ul className="flex flex-wrap gap-2">
      {permissions.map((permission) => (
        <li key={permission} className="rounded-md bg-sunken px-2 py-0.5 text-[13px]">
          {nameOf(permission)} <code className="font-mono text-xs text-ink-soft">{permission}</code>
        </li>
      ))}
    </ul>
  );
}
