import { refuseField } from "../../call/refuse-field.ts";
import { type Fields, isAbsent, readObject } from "../request-fields.ts";

/** A message of Google's API by the names that its JSON has: whoever writes `snake_case` is understood too (protobuf.dev, ProtoJSON). */
export function readMessage(value: unknown, path: string): Fields {
  const named: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(readObject(value, path))) {
    const camel = toCamel(name);
    if (Object.hasOwn(named, camel)) {
      throw refuseField(`${path === "" ? "" : `${path}.`}${name}`, "stands twice", "重复出现");
    }
    named[camel] = field;
  }
  return named;
}

export function readOptionalMessage(value: unknown, path: string): Fields | undefined {
  return isAbsent(value) ? undefined : readMessage(value, path);
}

export function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_whole, letter: string) => letter.toUpperCase());
}
