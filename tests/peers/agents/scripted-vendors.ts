import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { startVendor } from "../../vendors/start-vendor.ts";
import { type Heard, type Reply, vendorForms } from "./vendor-forms.ts";

/** A model that agents ask: what it answers, in every vendor's form. */
export type Script = (heard: Heard) => Reply;

/** A vendor on this machine that says what a script says. */
export interface ScriptedVendor {
  readonly dialect: string;
  readonly baseUrl: string;
  /** What it heard, in order. */
  readonly heard: readonly Heard[];
  readonly apiKey: string;
}

/** One vendor for each form. Each refuses what it cannot read, another key, and what is not asked for as a stream. */
export function startScriptedVendors(t: TestScope, script: Script): Promise<readonly ScriptedVendor[]> {
  const apiKey = "the-vendors-key";
  return Promise.all(
    vendorForms.map(async (form) => {
      const heard: Heard[] = [];
      const { url } = await startVendor(t, ({ path, headers, bytes }, res) => {
        const body = JSON.parse(bytes.toString());
        const isStream = body.stream === true || path.includes(":streamGenerateContent");
        if (!isStream || !String(headers[form.keyHeader]).endsWith(apiKey)) return res.writeHead(400).end();
        const one = form.hear(body, path);
        heard.push(one);
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.end(form.tell(script(one), body));
      });
      return { dialect: form.dialect, baseUrl: `${url}/v1`, heard, apiKey };
    }),
  );
}
