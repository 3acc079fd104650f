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
  wallet: () => "/wallet",
  invoices: () => "/invoices",
  invoice: (id: string) => `/invoices/${encodeURIComponent(id)}`,
  /** What was posted between two days, `?from=&to=`. */
  statement: () => "/invoices/statement",
  prices: () => "/prices",
  /** `?provider=&model=`: names of models have slashes. */
  price: () => "/prices/versions",
  reconciliations: () => "/reconciliation",
  reconciliation: (id: string) => `/reconciliation/${encodeURIComponent(id)}`,
  people: () => "/people",
  person: (id: string) => `/people/${encodeURIComponent(id)}`,
  groups: () => "/groups",
  group: (id: string) => `/groups/${encodeURIComponent(id)}`,
  audit: () => "/audit",
  account: () => "/settings",
} as const;
