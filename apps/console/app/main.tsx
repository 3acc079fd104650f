import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { whenSessionIsLost } from "../api/keep-session.ts";
import { Toasts } from "../ui/toast.tsx";
import "../ui/styles.css";
import { LanguageProvider } from "./language.ts";
import { paths } from "./paths.ts";
import { ProveAgain } from "./prove-dialog.tsx";
import { queryClient } from "./query-client.ts";
import { router } from "./router.tsx";

whenSessionIsLost(() => {
  const { pathname, searchStr } = router.state.location;
  if (pathname === paths.signIn()) return queryClient.clear();
  const left = router.navigate({ to: paths.signIn(), search: { next: pathname + searchStr } } as never);
  // Not before: what is still shown would ask again, and be refused.
  void left.then(() => queryClient.clear());
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <LanguageProvider>
          <RouterProvider router={router} />
          <ProveAgain />
          <Toasts />
        </LanguageProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
