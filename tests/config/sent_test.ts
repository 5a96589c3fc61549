import { assertEquals } from "@std/assert";
import type { PlannedRoute } from "../../src/config/plan.ts";
import { sentRequest } from "../../src/config/sent.ts";

Deno.test("what would be sent has the path and the fields that the rules of the route make", () => {
  const rules = {
    rewrite: { stripPrefix: "/api" },
    headers: { request: { set: { "x-was": "{path}", host: "inner" }, remove: ["cookie"] } },
  };
  const asked = {
    method: "GET",
    target: "/api/x?y",
    host: "a.example",
    scheme: "https",
    headers: new Headers({ cookie: "a=1", accept: "*/*" }),
  };
  assertEquals(sentRequest({ rules } as unknown as PlannedRoute, asked), [
    "GET /x?y",
    "host: inner",
    "accept: */*",
    "x-was: /api/x",
  ]);
});
