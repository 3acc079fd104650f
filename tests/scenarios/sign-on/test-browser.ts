/** A browser as far as redirects and cookies go. Addresses of `publicUrl` are answered by the node that `nodeUrl` names. */
export function createTestBrowser(publicUrl: string, nodeUrl: () => string) {
  const jars = new Map<string, Map<string, string>>();

  async function send(url: string, init: { method?: string; body?: URLSearchParams; follow?: boolean } = {}) {
    const { origin } = new URL(url);
    const jar = jars.get(origin) ?? new Map<string, string>();
    jars.set(origin, jar);
    const target = url.startsWith(publicUrl) ? nodeUrl() + url.slice(publicUrl.length) : url;
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(target, {
      method: init.method ?? "GET",
      redirect: "manual",
      headers: { ...(cookie !== "" && { cookie }), "accept-language": "en" },
      ...(init.body && { body: init.body }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";");
      const at = pair.indexOf("=");
      const isGone = attributes.some((one) => /^\s*(max-age=0|expires=thu, 01 jan 1970.*)$/i.test(one));
      if (isGone) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  return {
    send,
    cookiesOf: (origin: string) => jars.get(origin) ?? new Map<string, string>(),
    /** Follows redirects until an answer is none, or leads to where `until` says. */
    async follow(start: string, until: (url: URL) => boolean): Promise<{ url: URL; answer: Response | undefined }> {
      let url = new URL(start);
      for (let hops = 0; hops < 20; hops++) {
        if (until(url)) return { url, answer: undefined };
        const answer = await send(url.href);
        const location = answer.headers.get("location");
        if (answer.status < 300 || answer.status >= 400 || location === null) return { url, answer };
        url = new URL(location, url);
      }
      throw new Error("too many redirects");
    },
  };
}

export type TestBrowser = ReturnType<typeof createTestBrowser>;
