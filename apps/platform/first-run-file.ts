/** Where in the data directory the first start writes what it made. */
export const firstRunFile = "first-run.json";
