import { Badge } from "../../ui/page-parts.tsx";
import type { Person } from "./person-actions.tsx";
import { usePeopleTexts } from "./texts.ts";

const tones = { active: "good", inactive: "neutral", suspended: "bad" } as const;

/** Whether somebody may sign in. */
export function StatusBadge({ status }: Pick<Person, "status">) {
  return <Badge tone={tones[status]}>{usePeopleTexts()(status)}</Badge>;
}
