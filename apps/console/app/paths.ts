/** Every address of the console that another place links to, written once. */
export const paths = {
  signIn: () => "/sign-in",
  start: () => "/start",
  keys: () => "/keys",
  requests: () => "/requests",
  request: (id: string) => `/requests/${encodeURIComponent(id)}`,
  overview: () => "/overview",
  playground: () => "/playground",
  routes: () => "/routes",
  route: () => "/routes/edit",
} as const;
