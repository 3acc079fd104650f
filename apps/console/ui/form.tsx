import { type ComponentProps, createContext, type FormEvent, type ReactNode, useContext, useId, useState } from "react";
import { Problem } from "../api/problem.ts";
import { join } from "./join.ts";
import { ProblemNote } from "./problem-note.tsx";
import { useUiTexts } from "./texts.ts";

interface FormState {
  readonly isBusy: boolean;
  readonly problem: unknown;
  /** Names of the fields that are there: a problem with another one is shown above all. */
  readonly fieldNames: Set<string>;
}

const FormContext = createContext<FormState>({ isBusy: false, problem: undefined, fieldNames: new Set() });

/** Whether the form around is being sent. */
export function useFormIsBusy(): boolean {
  return useContext(FormContext).isBusy;
}

/** What the fields hold, by name, trimmed; what is empty is absent. */
export type FormValues = Readonly<Record<string, string | undefined>>;

/**
 * Sends what its fields hold. What the server finds wrong with a field is shown at that field, which takes the focus; all else above
 * the fields. Fields are named as the API names them.
 */
export function Form({
  onSend,
  children,
  className,
}: {
  readonly onSend: (values: FormValues) => Promise<void>;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [fieldNames] = useState(() => new Set<string>());
  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    event.stopPropagation();
    const form = event.currentTarget;
    setBusy(true);
    setProblem(undefined);
    try {
      await onSend(readValues(form));
    } catch (err) {
      setProblem(err);
      const name = err instanceof Problem ? err.field : undefined;
      const field = name === undefined ? null : form.elements.namedItem(name);
      if (field instanceof HTMLElement) field.focus();
    } finally {
      setBusy(false);
    }
  };
  const name = problem instanceof Problem ? problem.field : undefined;
  return (
    <FormContext value={{ isBusy, problem, fieldNames }}>
      <form noValidate={false} onSubmit={send} className={join("space-y-4", className)}>
        {problem !== undefined && !(name !== undefined && fieldNames.has(name)) && <ProblemNote problem={problem} />}
        {children}
      </form>
    </FormContext>
  );
}

function readValues(form: HTMLFormElement): FormValues {
  const entries = [...new FormData(form)].map(
    ([name, value]) => [name, typeof value === "string" ? value : ""] as const,
  );
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const field = form.elements.namedItem(name);
      // A password may begin or end with a space.
      const kept = field instanceof HTMLInputElement && field.type === "password" ? value : value.trim();
      return [name, kept === "" ? undefined : kept];
    }),
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: ReactNode;
  readonly isOptional?: boolean;
}

const boxClass =
  "w-full rounded-md border border-line-strong/60 bg-surface px-2.5 text-sm text-ink transition-colors hover:border-line-strong focus:border-accent focus:outline-2 focus:-outline-offset-1 focus:outline-accent aria-invalid:border-bad";

/** A field of one line. */
export function TextField({ name, label, hint, isOptional, className, ...rest }: FieldProps & ComponentProps<"input">) {
  return (
    <Field {...{ name, label, hint, isOptional }}>
      {(given) => <input {...rest} {...given} name={name} className={join(boxClass, "h-9", className)} />}
    </Field>
  );
}

/** A field of several lines. */
export function TextArea({
  name,
  label,
  hint,
  isOptional,
  className,
  ...rest
}: FieldProps & ComponentProps<"textarea">) {
  return (
    <Field {...{ name, label, hint, isOptional }}>
      {(given) => <textarea rows={3} {...rest} {...given} name={name} className={join(boxClass, "py-2", className)} />}
    </Field>
  );
}

/** One of several. The browser's own, which phones show best. */
export function SelectField({
  options,
  name,
  label,
  hint,
  isOptional,
  ...rest
}: FieldProps & ComponentProps<"select"> & { readonly options: readonly (readonly [string, string])[] }) {
  return (
    <Field {...{ name, label, hint, isOptional }}>
      {(given) => (
        <select {...rest} {...given} name={name} className={join(boxClass, "h-9")}>
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Field({
  name,
  label,
  hint,
  isOptional = false,
  children,
}: { [Key in keyof FieldProps]: FieldProps[Key] | undefined } & {
  readonly name: string;
  readonly children: (given: {
    readonly id: string;
    readonly "aria-describedby": string | undefined;
    readonly "aria-invalid": true | undefined;
  }) => ReactNode;
}) {
  const t = useUiTexts();
  const id = useId();
  const { problem, fieldNames } = useContext(FormContext);
  fieldNames.add(name);
  const wrong = problem instanceof Problem && problem.field === name ? problem.reason : undefined;
  const described = [hint !== undefined && `${id}-hint`, wrong !== undefined && `${id}-wrong`]
    .filter(Boolean)
    .join(" ");
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 block text-[13px] font-medium">
        {label}
        {isOptional && <span className="ml-1.5 font-normal text-ink-soft">{t("optional")}</span>}
      </label>
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": wrong === undefined ? undefined : true,
      })}
      {wrong !== undefined && (
        <p id={`${id}-wrong`} role="alert" className="mt-1 text-[13px] text-bad">
          {wrong}
        </p>
      )}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-ink-soft">
          {hint}
        </p>
      )}
    </div>
  );
}
