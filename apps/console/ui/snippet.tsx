import { Tabs } from "radix-ui";
import { useState } from "react";
import { CopyButton } from "./copy-button.tsx";

/** Code that is copied whole, in one language or several. */
export function Snippet({ tabs }: { readonly tabs: readonly { readonly name: string; readonly code: string }[] }) {
  const [first] = tabs;
  const [shown, setShown] = useState(first?.name ?? "");
  const code = tabs.find(({ name }) => name === shown)?.code ?? "";
  return (
    <Tabs.Root
      value={shown}
      onValueChange={setShown}
      className="overflow-hidden rounded-lg border border-line bg-sunken"
    >
      <div className="flex items-center border-b border-line pr-1">
        <Tabs.List className="flex flex-1 gap-1 px-2 pt-1">
          {tabs.map(({ name }) => (
            <Tabs.Trigger
              key={name}
              value={name}
              className="-mb-px border-b-2 border-transparent px-2.5 py-2 text-[13px] font-medium text-ink-soft data-[state=active]:border-accent data-[state=active]:text-ink"
            >
              {name}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <CopyButton text={code} />
      </div>
      {tabs.map(({ name, code: text }) => (
        <Tabs.Content key={name} value={name} tabIndex={-1}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
          <pre tabIndex={0} className="overflow-x-auto px-4 py-3.5 font-mono text-[12.5px] leading-relaxed">
            {text}
          </pre>
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}
