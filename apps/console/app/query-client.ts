import { QueryClient } from "@tanstack/react-query";
import { Problem } from "../api/problem.ts";

/** What was asked of the API, and for how long it is shown without asking again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What was refused is refused again; what could not be reached may be there in a moment.
      retry: (count, err) => count < 2 && err instanceof Problem && (err.status === 0 || err.status >= 502),
    },
    mutations: { retry: false },
  },
});
