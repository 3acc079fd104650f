import { badRequest, WireError } from "./wire-error.ts";

export interface SimulatedFile {
  readonly id: string;
  readonly name: string;
  readonly purpose: string;
  readonly bytes: Buffer;
  readonly createdAt: number;
}

/** A request in a file of purpose `batch`. */
interface BatchLine {
  readonly custom_id: string;
  readonly body: unknown;
}

const maxFiles = 1_000;

/** The files of the simulated provider, in memory; of more than 1,000 the oldest go. */
export function createSimulatedFiles() {
  const files = new Map<string, SimulatedFile>();
  let last = 0;

  function get(id: string): SimulatedFile {
    const file = files.get(id);
    if (file) return file;
    throw new WireError(404, `No such File object: ${id}`, { param: "id" });
  }

  return {
    get,
    /** Throws a WireError 400 for a file of purpose `batch` that has a line which is no request. */
    add({ name, purpose, bytes }: Pick<SimulatedFile, "name" | "purpose" | "bytes">, createdAt: number): SimulatedFile {
      const file = { id: `file-simulated${++last}`, name, purpose, bytes, createdAt };
      if (purpose === "batch") linesOf(file);
      const [oldest] = files.keys();
      if (files.size === maxFiles && oldest !== undefined) files.delete(oldest);
      files.set(file.id, file);
      return file;
    },
    remove(id: string): void {
      files.delete(get(id).id);
    },
    list: (): readonly SimulatedFile[] => [...files.values()].toReversed(),
  };
}

export type SimulatedFiles = ReturnType<typeof createSimulatedFiles>;

/** As OpenAI's API shows it, with what Mistral's says besides (docs.mistral.ai/api/endpoint/files). */
export function toFileObject({ id, name, purpose, bytes, createdAt }: SimulatedFile) {
  const shown = { id, object: "file", bytes: bytes.length, created_at: createdAt, filename: name, purpose };
  const isGiven = purpose !== "batch_output";
  return {
    ...{ ...shown, status: "processed", deleted: false, source: isGiven ? "upload" : "mistral" },
    ...{ sample_type: sampleTypes[purpose] ?? "instruct", num_lines: countLines(bytes) },
  };
}

const sampleTypes: Readonly<Record<string, string>> = { batch: "batch_request", batch_output: "batch_result" };

function countLines(bytes: Buffer): number {
  return bytes
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "").length;
}

export function linesOf({ bytes }: SimulatedFile): readonly BatchLine[] {
  const lines = bytes.toString("utf8").split("\n");
  return lines.filter((line) => line.trim() !== "").map(parseLine);
}

export function toLines(objects: readonly object[]): Buffer {
  return Buffer.from(objects.map((one) => `${JSON.stringify(one)}\n`).join(""));
}

function parseLine(text: string): BatchLine {
  try {
    const line: Partial<BatchLine> = JSON.parse(text);
    if (typeof line.custom_id === "string") return { custom_id: line.custom_id, body: line.body };
  } catch {
    // Told below.
  }
  throw badRequest("file", "Invalid file format: each line must be a request with a custom_id.");
}
