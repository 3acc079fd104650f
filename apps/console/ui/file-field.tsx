/** A file whose text is taken. */
export function FileField({
  label,
  accept,
  onText,
}: {
  readonly label: string;
  readonly accept: string;
  readonly onText: (text: string) => void;
}) {
  return (
    <label className="block text-[13px] font-medium">
      {label}
      <input
        type="file"
        accept={accept}
        className="mt-1.5 block w-full text-sm font-normal text-ink-soft file:mr-3 file:h-9 file:rounded-md file:border file:border-line file:bg-surface file:px-3 file:text-ink"
        onChange={async (event) => onText((await event.target.files?.[0]?.text()) ?? "")}
      />
    </label>
  );
}
