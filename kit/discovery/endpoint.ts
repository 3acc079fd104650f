/** One place where a service answers. */
export interface Endpoint {
  /** `http://host:port`. */
  readonly url: string;
  /** Where it runs, in the registry's own word for it. */
  readonly zone?: string | undefined;
}

/** Hears of a service's endpoints while it is watched. */
export interface EndpointListener {
  /** All endpoints that the registry holds for well. Called once it is known, and after each change. */
  onEndpoints(endpoints: readonly Endpoint[]): void;
  /** The registry could not be asked. It is asked again by itself; what was heard before stays good. */
  onFailure(err: unknown): void;
}

/** Something that knows where services answer. */
export interface Discovery {
  /** Watches a service until the returned function is called. Never throws; failures go to the listener. */
  watch(service: string, listener: EndpointListener): () => void;
}

/**
 * Passes on only what is news: not what was said before, and no empty list. A registry that lost its data says that
 * there is nobody, and so does one whose checks all fail; in both cases the last good endpoints are the better guess.
 */
export function keepLastGood(listener: EndpointListener): EndpointListener {
  let last = "";
  return {
    onEndpoints(endpoints) {
      if (endpoints.length === 0) return listener.onFailure(new Error("the registry knows no endpoint that is well"));
      const sorted = [...endpoints].sort((a, b) => (a.url < b.url ? -1 : 1));
      const text = JSON.stringify(sorted.map(({ url, zone }) => [url, zone]));
      if (text === last) return;
      last = text;
      listener.onEndpoints(sorted);
    },
    onFailure: (err) => listener.onFailure(err),
  };
}

/** `http://host:port`, an IPv6 address in brackets. */
export function toEndpointUrl(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
