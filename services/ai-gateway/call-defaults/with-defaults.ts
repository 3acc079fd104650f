import { parseBodyExact } from "../call/parse-body.ts";
import { isAbsent, readObject, readOptional } from "../dialects/request-fields.ts";
import { missingParameters, type ParameterDialect, type Parameters } from "./parameters.ts";

/**
 * A request's body with those parameters of which it says nothing. One that says all of them stays as it is, byte for byte; numbers
 * are written as they came. Throws `invalid_json` and `invalid_request`.
 */
export function withDefaults(parameters: Parameters, dialect: ParameterDialect, body: Buffer): Buffer {
  const json = parseBodyExact(body);
  const place = dialect === "gemini" ? configNameOf(json) : undefined;
  const fields = place === undefined ? json : (readOptional(json[place], place, readObject) ?? {});
  const missing = missingParameters(parameters, dialect, fields);
  if (Object.keys(missing).length === 0) return body;
  const filled = { ...fields, ...missing };
  return Buffer.from(JSON.stringify(place === undefined ? filled : { ...json, [place]: filled }));
}

/** Google's readers take both spellings. */
function configNameOf(json: Readonly<Record<string, unknown>>): string {
  return isAbsent(json["generation_config"]) ? "generationConfig" : "generation_config";
}
