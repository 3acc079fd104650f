import type { Discovery } from "./endpoint.ts";

/** Endpoints that are known from the start and stay. The service's name is not looked at. */
export function createStaticDiscovery(urls: readonly string[]): Discovery {
  const endpoints = [...new Set(urls)].map((url) => ({ url }));
  return {
    watch(_service, listener) {
      listener.onEndpoints(endpoints);
      return () => {};
    },
  };
}
