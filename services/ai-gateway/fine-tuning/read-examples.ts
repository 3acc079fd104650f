import { setImmediate } from "node:timers/promises";
import { cutLines, LineTooLong } from "../batches/cut-lines.ts";
import type { DiskFile } from "../batches/disk-file.ts";
import { refuseLine } from "../batches/request-line.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { FormPart } from "../surfaces/multipart.ts";

const maxLineBytes = 4_194_304;
/** So much is read before others have their turn: some five milliseconds. */
const bytesPerTurn = 65_536;
/** A conversation, with its better and worse answers, or a text and how it goes on (platform.openai.com/docs/guides/supervised-fine-tuning). */
const kinds = ["messages", "input", "prompt"];

/**
 * Checks that each line is an example, and copies the file to `copy` as it is; what else its vendor asks of examples the vendor says when a
 * job is made. Throws `batch_file_invalid`, which names the first line that is wrong.
 */
export async function readExamples(
  { settings }: Pick<AiGatewayDeps, "settings">,
  body: DiskFile,
  { start, end }: FormPart,
  copy: DiskFile,
): Promise<void> {
  const { maxKeptFileBytes: limit } = settings.batches;
  if (end - start > limit) throw refuseField("file", `must be at most ${limit} bytes`, `不能超过 ${limit} 字节`);
  let bytesOfTurn = 0;
  let count = 0;
  try {
    for await (const { number, bytes } of cutLines(body.pieces(start, end), maxLineBytes)) {
      bytesOfTurn += bytes.length;
      if (bytesOfTurn > bytesPerTurn) {
        await setImmediate();
        bytesOfTurn = bytes.length;
      }
      requireExample(number, bytes);
      count++;
    }
  } catch (err) {
    if (!(err instanceof LineTooLong)) throw err;
    throw refuseLine(err.line, `must be at most ${maxLineBytes} bytes`, `不能超过 ${maxLineBytes} 字节`);
  }
  if (count === 0) throw refuseLine(1, "there is no example", "没有任何示例");
  for await (const piece of body.pieces(start, end)) await copy.append(piece);
}

function requireExample(number: number, bytes: Buffer): void {
  const example = parse(number, bytes);
  if (kinds.some((kind) => example[kind] !== undefined)) return;
  throw refuseLine(number, "an example has messages, input or prompt", "示例应含有 messages、input 或 prompt");
}

function parse(number: number, bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw refuseLine(number, "it is no JSON object", "不是 JSON 对象");
}
