import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import type { ComponentType } from "react";
import { isMarkedSignedIn } from "../api/keep-session.ts";
import { pages } from "./define-page.ts";
import { paths } from "./paths.ts";
import { queryClient } from "./query-client.ts";
import { parseSearch, type Search, stringifySearch } from "./search.ts";
import { personQuery, sessionQuery, tenantQuery } from "./session.ts";
import { Broken, NotFound, PageFrame, Shell } from "./shell.tsx";

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFound,
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: paths.signIn(),
  component: lazyRouteComponent(() => import("./sign-in/sign-in.tsx"), "SignIn"),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  beforeLoad({ location }) {
    if (isMarkedSignedIn()) {
      // While the page's code is under way, not after it.
      for (const query of [sessionQuery, personQuery, tenantQuery]) void queryClient.prefetchQuery(query as never);
      return;
    }
    const next = location.pathname === "/" ? undefined : location.pathname + location.searchStr;
    throw redirect({ to: paths.signIn(), search: { next } } as never);
  },
});

const first = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad() {
    throw redirect({ to: pages[0]?.path ?? paths.start() } as never);
  },
});

const pageRoutes = pages.map((page) => {
  const Page = lazyRouteComponent(page.load, "Page") as ComponentType;
  return createRoute({
    getParentRoute: () => shell,
    path: page.path,
    // At once, and when somebody is about to go there: the frame waits for the session.
    loader: () => void page.load().catch(() => undefined),
    component: () => (
      <PageFrame page={page}>
        <Page />
      </PageFrame>
    ),
  });
});

/** The pages of the console by their addresses. */
export const router = createRouter({
  routeTree: root.addChildren([signIn, shell.addChildren([first, ...pageRoutes])]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultErrorComponent: Broken,
  scrollRestoration: true,
});
