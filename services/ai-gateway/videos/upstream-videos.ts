import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import { type AccountDeps, createAccountClient, readId } from "../batches/account-client.ts";
import type { Target } from "../model.ts";
import type { AskedVideo } from "./read-asked-video.ts";

/** Videos at the account of a provider. All throw the failures of a model call at it. */
export function createUpstreamVideos(deps: AccountDeps, target: Target) {
  const { open, ask } = createAccountClient(deps, target);
  const at = (id: string) => `/videos/${encodeURIComponent(id)}`;
  return {
    /** Has a video made; gives its id there. */
    async create(asked: AskedVideo): Promise<string> {
      const body = toForm(deps.random.id("lyss"), asked, target.model.upstreamName);
      return readId(target, await ask({ method: "POST", endpoint: "/videos", body }));
    },
    get: (id: string): Promise<unknown> => ask({ method: "GET", endpoint: at(id) }),
    /** The content, to be read once. */
    openContent: (id: string, variant: string): Promise<Answer> =>
      open({ method: "GET", endpoint: `${at(id)}/content?variant=${variant}` }),
    /** Resolves also for one that is there no more. */
    async remove(id: string): Promise<void> {
      await ask({ method: "DELETE", endpoint: at(id), accepted: [404] });
    },
  };
}

/** Written anew, so that nothing of the caller's form but what was read reaches a provider. */
function toForm(boundary: string, { prompt, seconds, size, picture }: AskedVideo, model: string) {
  const fields = { model, prompt, seconds: String(seconds), size };
  const part = (head: string, content: string | Buffer) => [
    Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; ${head}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ];
  const pieces = Object.entries(fields).flatMap(([name, text]) => part(`name="${name}"`, text));
  if (picture) {
    const { mediaType, bytes } = picture;
    const fileName = `reference.${mediaType.slice("image/".length)}`;
    pieces.push(...part(`name="input_reference"; filename="${fileName}"\r\ncontent-type: ${mediaType}`, bytes));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return { contentType: `multipart/form-data; boundary=${boundary}`, bytes: Buffer.concat(pieces) };
}
