import { assertEquals, assertThrows } from "@std/assert";
import { routePath } from "../../src/proxy/route_path.ts";
import { type RouteMatch, Router } from "../../src/proxy/router.ts";

/** Which of the routes, by their place in the list, gets each request. */
function assertFinds(routes: RouteMatch[], wanted: Record<string, number>): void {
  const router = new Router(routes);
  for (const [request, index] of Object.entries(wanted)) {
    const [method, host, target, field] = request.split(" ") as [string, string, string, string?];
    const headers = new Headers(field === undefined ? [] : [field.split("=") as [string, string]]);
    assertEquals(router.find(host, target, method, headers, "public"), index, request);
  }
}

Deno.test("a host comes before a wildcard, a longer wildcard before a shorter, and all before no host", () => {
  assertFinds(
    [{}, { hosts: ["*.example.com"] }, { hosts: ["*.api.example.com"] }, { hosts: ["v1.api.example.com"] }],
    {
      "GET v1.api.example.com /": 3,
      "GET v2.api.example.com /": 2,
      "GET a.b.api.example.com /": 2,
      "GET api.example.com /": 1,
      "GET example.com /": 0,
      "GET notexample.com /": 0,
      "GET V1.API.example.com.:8080 /": 3,
      "GET [::1]:80 /": 0,
    },
  );
});

Deno.test("an exact path comes before prefixes and patterns, of which the one with more letters comes first", () => {
  assertFinds(
    [{ path: "/*" }, { path: "/users/*" }, { path: "/users/:id" }, { path: "/users/me" }, {
      path: "/users/:id/posts/*",
    }, { path: "/users/u-:id" }],
    {
      "GET a /users/me?x=/users/1": 3,
      "GET a /users/7": 2,
      "GET a /users/u-7": 5,
      "GET a /users/u-": 2,
      "GET a /users/7/posts": 4,
      "GET a /users/7/posts/1/2": 4,
      "GET a /users/7/pics": 1,
      "GET a /users/": 1,
      "GET a /users": 1,
      "GET a /usersx": 0,
      "GET a /": 0,
    },
  );
});

Deno.test("more conditions come before fewer, and the order of the list decides between equals", () => {
  assertFinds(
    [
      { path: "/a" },
      { path: "/a", methods: ["GET"] },
      { path: "/a", methods: ["GET"], headers: { "x-version": "2" } },
      { path: "/a", headers: { "x-debug": "*" } },
      { path: "/a", listener: "private" },
      { path: "/a" },
    ],
    {
      "GET a /a": 1,
      "HEAD a /a": 1,
      "POST a /a": 0,
      "GET a /a x-version=2": 2,
      "GET a /a x-version=3": 1,
      "POST a /a x-debug=yes": 3,
    },
  );
});

Deno.test("where a host's own routes do not match, those of wildcards and of any host are asked", () => {
  assertFinds([{ hosts: ["a.example.com"], path: "/a" }, { hosts: ["*.example.com"], path: "/b" }, {}], {
    "GET a.example.com /a": 0,
    "GET a.example.com /b": 1,
    "GET a.example.com /c": 2,
  });
});

Deno.test("a request that no route is for finds none", () => {
  assertFinds([{ hosts: ["a"], path: "/a" }], { "GET b /a": -1, "GET a /b": -1, "GET * /a": -1 });
});

Deno.test("the order tells which route is preferred", () => {
  const router = new Router([{}, { hosts: ["*.b.c"] }, { hosts: ["a"], path: "/*" }, {
    hosts: ["a"],
    path: "/x",
  }]);
  assertEquals(router.order, [3, 2, 1, 0]);
});

const REFUSED = {
  "api": /allowed are/,
  "/a/*/b": /allowed are/,
  "/a*": /allowed are/,
  "/a?b=1": /the query is no part of a path/,
  "/a/../b": /requests have it as "\/b"/,
  "/%61": /requests have it as "\/a"/,
  "/caf\u00e9/*": /requests have it as "\/caf%C3%A9\/\*"/,
  "/:a-:b": /two parameters/,
  "/:7": /a colon and a name/,
  "/a b": /a space/,
};

for (const [path, message] of Object.entries(REFUSED)) {
  Deno.test(`the path ${path} is refused, with the reason`, () => {
    assertThrows(() => routePath(path), RangeError);
    try {
      routePath(path);
    } catch (error) {
      assertEquals(message.test((error as Error).message), true, (error as Error).message);
    }
  });
}
