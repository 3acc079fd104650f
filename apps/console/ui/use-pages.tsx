import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import type { ListPage } from "./list-page.ts";
import { useUiTexts } from "./texts.ts";

/** A short list that grows downwards: what has been read of it, and the button that reads on while there is more. */
export function usePages<Row>(
  queryKey: QueryKey,
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<ListPage<Row>>,
  isEnabled = true,
): {
  readonly rows: readonly Row[] | undefined;
  readonly error: Error | null;
  readonly refetch: () => unknown;
  readonly more: ReactNode;
} {
  const t = useUiTexts();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey,
    enabled: isEnabled,
    queryFn: ({ pageParam, signal }) => load(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  const more = hasNextPage && (
    <Button size="small" className="mt-3" isBusy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
      {t("more")}
    </Button>
  );
  return { rows: data?.pages.flatMap((page) => page.data), error, refetch, more };
}
