import { type LucideIcon, MoreHorizontal } from "lucide-react";
import { IconButton } from "./button.tsx";
import { Menu, MenuItem } from "./menu.tsx";

export interface RowAct {
  readonly text: string;
  readonly icon: LucideIcon;
  readonly act: () => void;
  readonly isDanger?: boolean;
}

/** What may be done with a row; nothing where nothing may. */
export function RowMenu({ label, acts }: { readonly label: string; readonly acts: readonly (RowAct | false)[] }) {
  const allowed = acts.filter((one) => one !== false);
  if (allowed.length === 0) return null;
  return (
    <Menu
      trigger={
        <IconButton label={label}>
          <MoreHorizontal aria-hidden className="size-4" />
        </IconButton>
      }
    >
      {allowed.map(({ text, icon: Icon, act, isDanger = false }) => (
        <MenuItem key={text} icon={<Icon aria-hidden className="size-4" />} isDanger={isDanger} onSelect={act}>
          {text}
        </MenuItem>
      ))}
    </Menu>
  );
}
