import { assert, assertEquals } from "@std/assert";
import { firstAvailable } from "../../../src/balance/policies/first_available.ts";
import { any, members, NO_KEY, told } from "../../support/members.ts";

Deno.test("the first that can be used gets everything, whatever the weights", () => {
  const backends = members([1, 9, 5]);
  const policy = told(firstAvailable(), backends);
  for (let i = 0; i < 5; i++) assertEquals(policy.pick(any, NO_KEY), backends[0]);
  assert(policy.pick((backend) => backend !== backends[0], NO_KEY) === backends[1]);
  assert(policy.pick(any, NO_KEY) === backends[0], "and gets it back");
});
