import assert from "node:assert/strict";
import { test } from "node:test";
import { splitHosts } from "./split-hosts.ts";

test("each host of a URL has the login, the database and the parameters of all, but for whom to choose", () => {
  assert.deepEqual(
    splitHosts("postgresql://u:p%2Cq@one:1,[::1]:2,three/db?sslmode=require&target_session_attrs=read-write"),
    [
      "postgresql://u:p%2Cq@one:1/db?sslmode=require",
      "postgresql://u:p%2Cq@[::1]:2/db?sslmode=require",
      "postgresql://u:p%2Cq@three/db?sslmode=require",
    ],
  );
  assert.deepEqual(splitHosts("postgres://127.0.0.1:5432/lyss"), ["postgres://127.0.0.1:5432/lyss"]);
});
