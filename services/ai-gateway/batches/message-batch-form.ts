import { parseBodyExact } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { askInAnthropic } from "../dialects/anthropic/messages.ts";
import { type Fields, isAbsent, readObject, readText, refuseOthers } from "../dialects/request-fields.ts";
import { findAt } from "./answer-line.ts";
import { type BatchForm, refuseOurs } from "./batch-form.ts";

const customIdPattern = /^[\w-]{1,64}$/;
const itemFields = new Set(["custom_id", "params"]);
const keptFields = ["max_tokens", "thinking", "stop_sequences"];
const maxKeptLength = 4_096;

/** A batch as Anthropic's callers write it (platform.claude.com/docs/en/api/creating-message-batches); `betas` as for a call. */
export function createMessageForm(betas: readonly string[]): BatchForm {
  return {
    ...{ dialect: "anthropic", endpoint: "/v1/chat/completions", parameters: "messages", path: ["requests"] },
    readRest(rest) {
      refuseOthers(rest, new Set(["requests"]), "");
      return null;
    },
    readItem(item) {
      const json = parseBodyExact(item);
      refuseOthers(json, itemFields, "");
      const customId = readText(json["custom_id"], "custom_id");
      if (!customIdPattern.test(customId)) {
        const [en, zh] = [
          "must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'",
          "必须由 1 到 64 个 A-Z、a-z、0-9、“_”或“-”组成",
        ];
        throw refuseField("custom_id", en, zh);
      }
      const params = readObject(json["params"], "params");
      refuseOurs(params);
      if (params["stream"] === true)
        throw refuseField(
          "params.stream",
          "must not be true: a batch has no streams",
          "不能为 true：批处理不支持流式输出",
        );
      const body = findAt(item, ["params"]);
      if (!body) throw refuseField("params", "may stand only once", "只能出现一次");
      return {
        customId,
        place: "params",
        model: readText(params["model"], "params.model"),
        body,
        kept: toKept(params),
      };
    },
    ask: ({ body }) => askInAnthropic(body, betas),
    askAgain: (model, kept) =>
      askInAnthropic(
        Buffer.from(JSON.stringify({ max_tokens: 1, ...kept, model, messages: [{ role: "user", content: "." }] })),
      ),
  };
}

/** Whether thoughts are shown, and by what an answer may be stopped. */
function toKept(params: Fields): Fields | undefined {
  if (isAbsent(params["thinking"]) && isAbsent(params["stop_sequences"])) return undefined;
  const kept = Object.fromEntries(keptFields.map((name) => [name, params[name]]));
  return JSON.stringify(kept).length > maxKeptLength ? undefined : kept;
}
