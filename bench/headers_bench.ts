/** Header rules: edits, forwarded fields, hop-by-hop fields. */
import { type Forwarded, setForwarded } from "../src/downstream/forwarded.ts";
import { HeaderList } from "../src/http/headers.ts";
import { hasToken, isHopByHop, removeNamed } from "../src/http/hop_by_hop.ts";

const FIELDS: [string, string][] = [
  ["host", "example.com"],
  ["accept", "text/html,application/xhtml+xml,*/*;q=0.8"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["accept-language", "en-GB,en;q=0.9"],
  ["cache-control", "max-age=0"],
  ["cookie", "session=4f9a2c7be01d; theme=dark"],
  ["referer", "https://example.com/"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"],
];
const CLAIMS: [string, string][] = [
  ["x-forwarded-for", "198.51.100.4"],
  ["x-forwarded-proto", "https"],
  ["x-forwarded-host", "shop.example"],
  ["via", "1.1 edge"],
];

const plain = new HeaderList(FIELDS);
const claiming = new HeaderList([...FIELDS, ...CLAIMS]);
const naming = new HeaderList([...FIELDS, ["x-hop", "1"], ["x-session", "2"]]);
const web = new Headers(FIELDS);

/** What the header_filter sample does to a request. */
function edit(headers: Headers): void {
  headers.set("host", "one.one.one.one");
  headers.set("x-proxied-by", "postern");
  headers.delete("cookie");
}

Deno.bench("HeaderList: copy", { group: "edits, 8 fields" }, () => void plain.clone());
Deno.bench("HeaderList: copy, 2 set, 1 delete", { group: "edits, 8 fields", baseline: true }, () => {
  edit(plain.clone());
});
Deno.bench("Headers of the web: copy, 2 set, 1 delete", { group: "edits, 8 fields" }, () => {
  edit(new Headers(web));
});

Deno.bench("HeaderList: get, last of 8", { group: "look-up", baseline: true }, () => {
  plain.get("user-agent");
});
Deno.bench("HeaderList: get, spelled otherwise", { group: "look-up" }, () => void plain.get("User-Agent"));
Deno.bench("HeaderList: get, not there", { group: "look-up" }, () => void plain.get("authorization"));
Deno.bench("Headers of the web: get", { group: "look-up" }, () => void web.get("user-agent"));

const client: Forwarded = {
  client: "192.0.2.7",
  scheme: "http",
  host: "example.com",
  trusted: false,
  hasClaims: false,
};
const group = "forwarded fields, each on a copy";
Deno.bench("the copy alone", { group }, () => void plain.clone());
Deno.bench("setForwarded(), nothing claimed", { group, baseline: true }, () => {
  setForwarded(plain.clone(), client);
});
Deno.bench("setForwarded(), claims of a stranger replaced", { group }, () => {
  setForwarded(claiming.clone(), { ...client, hasClaims: true });
});
Deno.bench("setForwarded(), claims of a trusted proxy extended", { group }, () => {
  setForwarded(claiming.clone(), { ...client, hasClaims: true, trusted: true });
});

const names = [...FIELDS.map(([name]) => name), "connection", "keep-alive", "transfer-encoding"];
Deno.bench("isHopByHop(), 11 names", { group: "hop by hop", baseline: true }, () => {
  for (const name of names) isHopByHop(name);
});
Deno.bench("removeNamed(), keep-alive", { group: "hop by hop" }, () => removeNamed(plain, "keep-alive"));
Deno.bench("removeNamed(), two names, on a copy", { group: "hop by hop" }, () => {
  removeNamed(naming.clone(), "keep-alive, x-hop, x-session");
});
Deno.bench("hasToken(), one token", { group: "hop by hop" }, () => void hasToken("keep-alive", "close"));
Deno.bench("hasToken(), of three", { group: "hop by hop" }, () => {
  hasToken("keep-alive, x-hop, close", "close");
});
