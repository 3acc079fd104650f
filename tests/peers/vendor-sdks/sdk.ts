/** What an SDK is tried with, by the letter that stands for it on the page. */
export const sdkFeatures = {
  text: ["T", "an answer, whole"],
  stream: ["S", "the same answer as a stream"],
  tools: ["F", "a tool is called, whole and streamed, and its result is answered"],
  shape: ["J", "an answer that keeps to a JSON schema"],
  image: ["I", "an image in the request"],
  thoughts: ["R", "what was thought, as text, whole and streamed"],
  usage: ["U", "tokens as the vendor counts them, whole and streamed"],
  error: ["E", "a 429, as the SDK's own class of error with its status"],
  abort: ["A", "a stream that the program leaves ends at the vendor too"],
  vectors: ["V", "texts as vectors"],
  rerank: ["K", "documents by how well they answer a question"],
  completion: ["C", "a text that is gone on with, without a conversation"],
  speech: ["P", "a text as sound"],
  formats: ["N", "a text as sound in each format, with its characters as the vendor counts them"],
  transcript: ["H", "sound as a text"],
  timed: ["W", "sound as a text with its language, its length and when each word was said"],
  pictures: ["G", "a picture of what is told"],
  moderation: ["D", "a text that is judged"],
  models: ["M", "the models that there are"],
  later: ["L", "an answer that is not waited for: asked for until it is there, and one that is taken back"],
  batch: ["B", "a file of requests as a batch: made, listed, ended, its answers read"],
} as const satisfies Readonly<Record<string, readonly [letter: string, what: string]>>;
export type SdkFeature = keyof typeof sdkFeatures;

/** Where an SDK is pointed: its vendor, as the simulated provider plays it, or the platform. */
export interface SdkPlace {
  readonly name: "its vendor" | "Lyss";
  readonly url: string;
  readonly apiKey: string;
  /** Resolves when the simulated provider has no call under way. */
  untilLeft(): Promise<void>;
}

/** A tool's call, as it was made. */
export interface Called {
  readonly id: string;
  readonly name: string;
  /** Its arguments, as JSON. */
  readonly given: string;
}

export interface Asking {
  readonly text: string;
  /** The tool `get_weather` may be called, whose parameters are `citySchema`. */
  readonly mayCall?: boolean;
  /** The call that it has made before, which gave "rain". */
  readonly called?: Called;
  /** The answer is to keep to `citySchema`. */
  readonly isShaped?: boolean;
  /** The smallest picture is shown beside the text. */
  readonly showsImage?: boolean;
}

/** A piece of an answer, or all of it. */
export interface Said {
  readonly text?: string | undefined;
  readonly thought?: string | undefined;
  /** By the place of each call; its arguments may come in pieces. */
  readonly calls?: readonly (Partial<Called> & { readonly index: number })[];
  /** Why it ended, in the vendor's word. */
  readonly finish?: string | undefined;
  readonly tokens?: readonly [input: number, output: number] | undefined;
}

/** What was said in a sound. */
export interface Heard {
  readonly text: string;
  readonly language: string | undefined;
  readonly seconds: number | undefined;
  readonly words: readonly {
    readonly text?: string | undefined;
    readonly start?: number | undefined;
    readonly end?: number | undefined;
  }[];
}

export const soundFormats = ["mp3", "wav", "pcm"] as const;
export type SoundFormat = (typeof soundFormats)[number];

/** An SDK with its key, pointed somewhere. What it has no method for is left out. */
export interface Speaker {
  readonly ask?: (asking: Asking) => Promise<Said>;
  readonly stream?: (asking: Asking) => AsyncIterable<Said>;
  readonly embed?: (texts: string[]) => Promise<readonly (readonly number[])[]>;
  /** Places of the documents, the best first. */
  readonly rerank?: (query: string, documents: string[]) => Promise<readonly number[]>;
  readonly complete?: (prompt: string) => Promise<string>;
  readonly speak?: (text: string) => Promise<Uint8Array>;
  /** And what the head of the answer says of its characters. */
  readonly speakAs?: (
    text: string,
    format: SoundFormat,
  ) => Promise<{ readonly sound: Uint8Array; readonly characters: string | null }>;
  readonly transcribe?: (sound: Uint8Array<ArrayBuffer>) => Promise<string>;
  readonly hear?: (sound: Uint8Array<ArrayBuffer>) => Promise<Heard>;
  /** Base64 of the picture. */
  readonly draw?: (prompt: string) => Promise<string>;
  /** Whether the text was found to be harmful. */
  readonly moderate?: (text: string) => Promise<boolean>;
  readonly listModels?: () => Promise<readonly string[]>;
  /** How it stands once it is begun, and the answer that it is asked for again and again. */
  readonly askLater?: (asking: Asking) => Promise<readonly [begun: string, said: Said]>;
  /** How an answer stands that is begun and given up. */
  readonly takeBack?: (asking: Asking) => Promise<string>;
  readonly answerBatch?: (lines: readonly BatchLine[]) => Promise<EndedBatch>;
}

export interface BatchLine {
  readonly custom_id: string;
  readonly body: object;
}

export interface EndedBatch {
  /** In the vendor's word. */
  readonly status: string | undefined;
  readonly isListed: boolean;
  /** The files of what was answered and what was refused, as they are. */
  readonly answered: string;
  readonly refused: string;
}

export interface Sdk {
  /** Of npm. */
  readonly package: string;
  readonly name: string;
  /** Where it works with nothing changed but its base URL. */
  readonly places: readonly SdkPlace["name"][];
  /** What its vendor says at the end of an answer, of one that calls a tool, of a batch, and whether it shows thoughts there. */
  readonly words: {
    readonly end: string;
    readonly call: string;
    readonly batchEnd?: string;
    readonly showsThoughts: boolean;
  };
  /** What its models, or its types, have no place for. */
  readonly without?: readonly SdkFeature[];
  /** How its vendor's streams are other than OpenAI's, as directives of the simulated provider. */
  readonly streams?: { readonly calls?: string; readonly usage?: string };
  open(place: SdkPlace): Speaker;
  /** Whether it is this SDK's error of a request that came too soon. */
  isTooMany(err: unknown): boolean;
}

export const models = {
  ...{ chat: "simulated-chat", vectors: "simulated-embedding", rerank: "simulated-rerank" },
  ...{ completion: "simulated-completion", speech: "simulated-speech", transcript: "simulated-transcription" },
  ...{ pictures: "simulated-image", moderation: "simulated-moderation" },
} as const;
