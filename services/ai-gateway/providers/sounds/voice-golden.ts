import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { type CallRequest, readRequest } from "../../call/read-request.ts";
import type { Model } from "../../model.ts";
import { askWithForm } from "../../surfaces/ask-for-media.ts";
import { readUsageOf } from "../../surfaces/read-units.ts";
import type { Wire, WireDraft, WireProvider } from "../wire.ts";
import { goldenFacts } from "../wire-golden.ts";

type Json = Record<string, unknown>;
type Fields = Readonly<Record<string, string>>;

const boundary = "b";
const sound = "the bytes of a sound";

/** A request for speech, or with fields of a form to write down a sound. */
export function askForSound(surface: "speech" | "transcriptions", asked: object): CallRequest {
  if (surface === "speech") return readRequest("speech", Buffer.from(JSON.stringify({ model: "m", ...asked })));
  const parts = Object.entries({ model: "m", ...asked } as Fields).map(
    ([name, text]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`,
  );
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="me; too.ogg"\r\n\r\n`;
  const body = Buffer.from(`${parts.join("")}${head}${sound}\r\n--${boundary}--\r\n`);
  const call = askWithForm("transcriptions", body, `multipart/form-data; boundary=${boundary}`, false);
  return call.readFor({ dialect: "openai" } as never, "upstream").request;
}

/** What golden files try of a wire of sounds. */
export interface GoldenVoice {
  readonly wire: Wire;
  readonly speechModel: string;
  readonly transcriptModel: string;
  /** Folder of `requests.json` and `answers.json`. */
  readonly folder: URL;
  readonly refused: readonly (readonly [surface: "speech" | "transcriptions", fields: object, param: string])[];
}

/** The tests that every wire of sounds passes: pairs of what is asked and sent, answered and written; and what is refused, by name. */
export function describeVoice({ wire, speechModel, transcriptModel, folder, refused }: GoldenVoice): void {
  const casesOf = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as Json[];
  const draft = (surface: "speech" | "transcriptions", asked: object, provider?: WireProvider): WireDraft => {
    const upstreamName = surface === "speech" ? speechModel : transcriptModel;
    return wire.draft(askForSound(surface, asked), { name: "m", upstreamName, maxOutputTokens: 9 } as Model, provider);
  };

  for (const { what, surface, asked, drops, endpoint, headers, sent } of casesOf("requests")) {
    test(`what is asked: ${what}`, () => {
      const provider = drops ? ({ unsupportedParameters: "drop" } as const) : undefined;
      const drafted = draft(surface as "speech", asked as object, provider);
      assert.equal(drafted.endpoint, endpoint);
      assert.deepEqual(drafted.headers, headers);
      const body = drafted.toBody(undefined).toString();
      assert.equal(body, typeof sent === "string" ? sent : JSON.stringify(sent));
    });
  }

  for (const { what, asked, answered, seconds, json, verbose, words, srt, vtt } of casesOf("answers")) {
    test(`what is answered, in each form: ${what}`, () => {
      const read = (format: string, more: object = {}) => {
        const { toAnswer } = draft("transcriptions", { ...Object(asked), response_format: format, ...more });
        return toAnswer?.(Buffer.alloc(0), answered, goldenFacts) ?? assert.fail("it is read as it was asked for");
      };
      assert.deepEqual(JSON.parse(read("json").body.toString()), json);
      // How well it is packed is a matter of the library.
      const isRatio = (name: string, value: unknown) => name === "compression_ratio" && Number(value) > 0;
      const shown = JSON.parse(read("verbose_json").body.toString(), (name, value) =>
        isRatio(name, value) ? undefined : value,
      );
      assert.deepEqual(shown, verbose);
      const withWords = JSON.parse(read("verbose_json", { "timestamp_granularities[]": "word" }).body.toString());
      assert.deepEqual([withWords.words, withWords.segments], [words, undefined]);
      const texts = { text: `${Object(json).text}\n`, srt, vtt };
      for (const [format, text] of Object.entries(texts)) {
        const { body, contentType } = read(format);
        assert.deepEqual([body.toString(), contentType], [text, "text/plain; charset=utf-8"]);
      }
      for (const format of ["json", "verbose_json", "text", "srt", "vtt"]) {
        const usage = readUsageOf({ surface: "transcriptions" }, read(format).json);
        assert.equal(usage?.otherBuckets?.seconds, seconds === null ? undefined : BigInt(Number(seconds)), format);
      }
    });
  }

  test("what is no transcript is no answer", () => {
    const { toAnswer } = draft("transcriptions", {});
    for (const answered of [{}, { text: 7 }, [], null, { results: { channels: [] } }]) {
      assert.equal(toAnswer?.(Buffer.from("{}"), answered, goldenFacts).json, null);
    }
  });

  test("what there is no place for is refused before anything is sent, and the field is named", () => {
    const speech = { input: "Hi", voice: "thalia-en" };
    for (const [surface, fields, param] of refused) {
      assert.throws(
        () => draft(surface, surface === "speech" ? { ...speech, ...fields } : fields),
        (err) => isFailure(err) && err.details["param"] === param,
        `${param} of ${JSON.stringify(fields)}`,
      );
    }
  });
}
