import { Ajv, type AnySchema } from "ajv";
import { createPatternDetector } from "./pattern-detector.ts";

/** `pattern` of a schema, in linear time as everything else here. */
function toTester(source: string): { test(text: string): boolean } {
  const detector = createPatternDetector(source, "pattern", false);
  return { test: (text) => detector.scan(text, 0, true).matches.length > 0 };
}

const linear = Object.assign((source: string) => toTester(source), { code: "linear" });

function compile(schema: AnySchema) {
  return new Ajv({ strict: false, validateFormats: false, allErrors: false, code: { regExp: linear } }).compile(schema);
}

export function isJsonSchema(schema: Record<string, unknown>): boolean {
  try {
    compile(schema);
    return true;
  } catch {
    return false;
  }
}

/** Says whether a text is JSON that fulfils the schema. Throws for a schema that is none. */
export function createSchemaCheck(schema: Record<string, unknown>): (text: string) => boolean {
  const validate = compile(schema);
  return (text) => {
    try {
      return validate(JSON.parse(text)) === true;
    } catch {
      return false;
    }
  };
}
