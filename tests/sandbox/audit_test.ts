import { assertEquals, assertRejects } from "@std/assert";
import { Audit } from "../../src/sandbox/audit.ts";
import { deadAddress } from "../support/origin.ts";

const report = (used: string[], declared: string[]) => {
  const audit = new Audit();
  for (const address of used) audit.used(address);
  return audit.report(declared).map((line) => line.replace("audit: ", ""));
};

Deno.test("an audit tells used, idle and undeclared addresses apart", () => {
  assertEquals(report(["b:2", "a:1", "10.1.1.1:80", "evil:1", "a:1"], ["a:1", "c:3", "b", "10.0.0.0/8"]), [
    "declared and used: 10.1.1.1:80, a:1, b:2",
    "declared but not used: c:3",
    "used but not declared: evil:1",
  ]);
});

Deno.test("an audit of nothing says so", () => {
  assertEquals(report([], []), [
    "declared and used: none",
    "declared but not used: none",
    "used but not declared: none",
  ]);
});

Deno.test("an audit keeps so many addresses and no more", () => {
  const audit = new Audit();
  for (let i = 0; i < 5_000; i++) audit.used(`a${i}:1`);
  const [, , line] = audit.report([]);
  assertEquals(line!.split(", ").length, 1_000);
});

Deno.test("an audit does not fail over what a module calls an address", () => {
  assertEquals(report(["nonsense", "a b:1", "", "a:1\nforged"], ["a:1"])[2], "used but not declared: none");
});

Deno.test("an audit of the process sees what it connects to, by whatever way", async () => {
  const { connect, connectTls } = Deno;
  const original = globalThis.fetch;
  const audit = new Audit();
  audit.watchProcess();
  const all = Array.from({ length: 3 }, deadAddress);
  try {
    const [a, b, c] = all.map((address) => Number(address.split(":")[1])) as [number, number, number];
    await assertRejects(() => Deno.connect({ port: a }));
    await assertRejects(() => Deno.connectTls({ hostname: "127.0.0.1", port: b }));
    await assertRejects(() => fetch(`http://127.0.0.1:${c}/x`));
    await assertRejects(() => fetch("http://[::1]:1/"));
  } finally {
    Object.assign(Deno, { connect, connectTls });
    globalThis.fetch = original;
  }
  assertEquals(audit.report(["[::1]:1"]), [
    "audit: declared and used: [::1]:1",
    "audit: declared but not used: none",
    `audit: used but not declared: ${all.toSorted().join(", ")}`,
  ]);
});
