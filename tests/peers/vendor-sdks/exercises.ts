import assert from "node:assert/strict";
import { createSound, spokenMs } from "@lyss/services/ai-gateway/simulator/sound.ts";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import { asked, thought } from "../../conformance/clients/client.ts";
import { toChatBody } from "./chat-like.ts";
import {
  type Asking,
  type Called,
  models,
  type Said,
  type Sdk,
  type SdkFeature,
  type SdkPlace,
  type Speaker,
  soundFormats,
} from "./sdk.ts";

interface Whole {
  readonly text: string;
  readonly thought: string;
  readonly calls: readonly Called[];
  readonly finish: string | undefined;
  readonly tokens: readonly [input: number, output: number] | undefined;
}

type Exercise = (sdk: Sdk, speaker: Speaker, place: SdkPlace) => Promise<void>;

/** Each throws unless the SDK did what the feature says. */
export const exercises: Readonly<Record<SdkFeature, Exercise>> = {
  async text({ words }, { ask }) {
    const { text, finish } = assemble([await given(ask)({ text: asked.text })]);
    assert.match(text, /This is a simulated answer/);
    assert.equal(finish, words.end);
  },
  async stream({ words }, { ask, stream }) {
    const whole = assemble([await given(ask)({ text: asked.text })]);
    const streamed = await gather(stream, { text: asked.text });
    assert.deepEqual([streamed.text, streamed.finish], [whole.text, words.end]);
  },
  async tools({ words, streams }, { ask, stream }) {
    const asking = { text: `Please get_weather ${streams?.calls ?? ""}`, mayCall: true };
    for (const { calls, finish } of [assemble([await given(ask)(asking)]), await gather(stream, asking)]) {
      assert.equal(finish, words.call);
      const [called] = calls;
      assert.ok(called?.name === "get_weather" && called.id !== "");
      assert.equal(typeof JSON.parse(called.given).city, "string");
      const { text } = assemble([await given(ask)({ ...asking, called })]);
      assert.match(text, /get_weather returned: “rain”/);
    }
  },
  async shape(_sdk, { ask }) {
    const { text } = assemble([await given(ask)({ text: "Where?", isShaped: true })]);
    assert.deepEqual(JSON.parse(text), { city: "simulated city" });
  },
  async image(_sdk, { ask }) {
    const { text } = assemble([await given(ask)({ text: "Look.", showsImage: true })]);
    assert.match(text, /1 × image_url/);
  },
  async thoughts(_sdk, { ask, stream }) {
    const asking = { text: asked.thought };
    for (const one of [assemble([await given(ask)(asking)]), await gather(stream, asking)]) {
      assert.equal(one.thought, thought);
    }
  },
  async usage({ streams }, { ask, stream }) {
    const asking = { text: `${asked.text} ${streams?.usage ?? ""}` };
    const expected = [countSimulatedPrompt([{ role: "user", content: asking.text }]), 12];
    assert.deepEqual(assemble([await given(ask)(asking)]).tokens, expected);
    assert.deepEqual((await gather(stream, asking)).tokens, expected);
  },
  async error(sdk, { ask, embed, speak }) {
    const call = ask?.({ text: asked.refused }) ?? embed?.([asked.refused]) ?? given(speak)(asked.refused);
    await assert.rejects(call, (err) => sdk.isTooMany(err));
  },
  async abort(_sdk, { stream }, place) {
    for await (const { text } of given(stream)({ text: asked.endless })) if (text) break;
    await place.untilLeft();
  },
  async vectors(_sdk, { embed }) {
    const [first = [], second = [], third = []] = await given(embed)(["a cat", "a dog", "a cat"]);
    assert.equal(first.length, 512);
    assert.deepEqual(third, first);
    assert.notDeepEqual(second, first);
    assert.ok(first.every(Number.isFinite));
  },
  async rerank(_sdk, { rerank }) {
    const documents = ["Bread is baked.", "Rome is a city in Italy.", "A city has streets."];
    const places = await given(rerank)("Which city is in Italy?", documents);
    assert.deepEqual([places[0], places.toSorted()], [1, [0, 1, 2]]);
  },
  async completion(_sdk, { complete }) {
    assert.match(await given(complete)("Once upon a time"), /simulated/);
  },
  async speech(_sdk, { speak }) {
    assert.equal(Buffer.from(await given(speak)("Hello there")).toString("latin1", 0, 4), "RIFF");
  },
  async formats(_sdk, { speakAs }) {
    const text = "Good morning, 世界";
    for (const format of soundFormats) {
      const { sound, characters } = await given(speakAs)(text, format);
      assert.ok(createSound(format, spokenMs(text)).equals(sound), format);
      assert.equal(characters, String([...text].length));
    }
  },
  async transcript(_sdk, { transcribe }) {
    const text = await given(transcribe)(new Uint8Array(createSound("wav", 2_000)));
    assert.equal(text, "This is a simulated transcript of 2 seconds of sound.");
  },
  async timed(_sdk, { hear }) {
    const { text, language, seconds, words } = await given(hear)(new Uint8Array(createSound("wav", 2_000)));
    assert.match(language ?? "", /^en/);
    assert.equal(seconds, 2);
    const plain = (written: string) => written.toLowerCase().replace(/[^a-z0-9 ]/g, "");
    assert.equal(plain(words.map((word) => word.text).join(" ")), plain(text));
    assert.deepEqual([words[0]?.start, Math.round(words.at(-1)?.end ?? 0)], [0, 2]);
  },
  async pictures(_sdk, { draw }) {
    assert.equal(Buffer.from(await given(draw)("A house"), "base64").toString("latin1", 1, 4), "PNG");
  },
  async moderation(_sdk, { moderate }) {
    assert.equal(await given(moderate)("A quiet day."), false);
  },
  async models(_sdk, { listModels }) {
    const names = await given(listModels)();
    assert.ok(names.includes(models.chat), names.join(" "));
  },
  async later({ words }, { askLater, takeBack }) {
    const [begun, said] = await given(askLater)({ text: `${asked.text} simulate.delay_ms=200` });
    const { text, finish } = assemble([said]);
    assert.deepEqual([begun, finish], ["starting", words.end]);
    assert.match(text, /This is a simulated answer/);
    assert.equal(await given(takeBack)({ text: asked.endless }), "canceled");
  },
  async batch({ words }, { answerBatch }) {
    const lineOf = (custom_id: string, text: string) => ({ custom_id, body: toChatBody({ text }) });
    const lines = [lineOf("fine", `${asked.text} simulate.batch_ms=0`), lineOf("wrong", asked.refused)];
    const { status, isListed, answered, refused } = await given(answerBatch)(lines);
    assert.deepEqual([status, isListed], [words.batchEnd, true]);
    const [fine, wrong] = [JSON.parse(answered), JSON.parse(refused)];
    assert.deepEqual([fine.custom_id, fine.response.status_code], ["fine", 200]);
    assert.match(fine.response.body.choices[0].message.content, /This is a simulated answer/);
    assert.deepEqual([wrong.custom_id, wrong.response.status_code], ["wrong", 429]);
  },
};

/** What an SDK has a method for. */
export function featuresOf(sdk: Sdk, speaker: Speaker): readonly SdkFeature[] {
  const { ask, stream, embed, rerank, complete, speak, speakAs, transcribe, hear, draw, moderate } = speaker;
  const { listModels, askLater, answerBatch } = speaker;
  const talks = ask !== undefined && stream !== undefined;
  const has: Readonly<Record<SdkFeature, boolean>> = {
    ...{ text: talks, stream: talks, tools: talks, shape: talks, image: talks, usage: talks, abort: talks },
    ...{ thoughts: talks && sdk.words.showsThoughts, error: true, vectors: embed !== undefined },
    ...{ rerank: rerank !== undefined, completion: complete !== undefined, speech: speak !== undefined },
    ...{ transcript: transcribe !== undefined, pictures: draw !== undefined, moderation: moderate !== undefined },
    ...{ formats: speakAs !== undefined, timed: hear !== undefined, later: askLater !== undefined },
    ...{ models: listModels !== undefined, batch: answerBatch !== undefined },
  };
  return (Object.keys(has) as SdkFeature[]).filter((feature) => has[feature] && !sdk.without?.includes(feature));
}

function given<Method>(method: Method | undefined): Method {
  if (method === undefined) throw new TypeError("the SDK has no such method");
  return method;
}

async function gather(stream: Speaker["stream"], asking: Asking): Promise<Whole> {
  return assemble(await Array.fromAsync(given(stream)(asking)));
}

function assemble(pieces: readonly Said[]): Whole {
  const calls: Called[] = [];
  for (const { index, id, name, given: more = "" } of pieces.flatMap((piece) => piece.calls ?? [])) {
    const before = calls[index] ?? { id: "", name: "", given: "" };
    calls[index] = { id: before.id || (id ?? ""), name: before.name || (name ?? ""), given: before.given + more };
  }
  const join = (key: "text" | "thought") => pieces.map((piece) => piece[key] ?? "").join("");
  return {
    ...{ text: join("text"), thought: join("thought"), calls },
    finish: pieces.findLast(({ finish }) => finish !== undefined)?.finish,
    tokens: pieces.findLast(({ tokens }) => tokens !== undefined)?.tokens,
  };
}
