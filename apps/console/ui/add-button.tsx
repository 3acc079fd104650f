import { Plus } from "lucide-react";
import { Button } from "./button.tsx";

/** What a list grows by: it stands in its head, and where nothing is yet. */
export function AddButton({ text, onClick }: { readonly text: string; readonly onClick: () => void }) {
  return (
    <Button look="primary" onClick={onClick}>
      <Plus aria-hidden className="size-4" />
      {text}
    </Button>
  );
}
