/** A tool as a caller describes it, in whatever dialect. */
export interface FunctionTool {
  readonly name: string;
  readonly description: string | undefined;
  /** JSON Schema of its arguments. */
  readonly parameters: object | undefined;
  readonly strict: boolean | undefined;
}

/** The tool as a chat completion request has it; what is undefined is left out. */
export function toFunctionTool({ name, description, parameters, strict }: FunctionTool): object {
  return {
    type: "function",
    function: {
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
      ...(strict !== undefined && { strict }),
    },
  };
}

/** The wish that the model calls this tool, as a chat completion request has it. */
export function toFunctionChoice(name: string): object {
  return { type: "function", function: { name } };
}
