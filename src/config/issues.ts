/**
 * What the schema finds, in words.
 *
 * @module
 */
import type * as z from "zod";
import { type Complaint, foundText, meant, type Path } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/** Every issue of the schema as a complaint; `value` is what was checked. Messages of the schema are what is allowed. */
export function complaintsOf(issues: readonly Issue[], value: unknown): Complaint[] {
  return issues.flatMap((issue) => complain(issue, issue.path as Path, value));
}

/** What is within these is not told, as problems end up in logs. */
const SECRETS: readonly (string | number)[] = ["token", "secret", "users", "redis"];

function complain(issue: Issue, path: Path, root: unknown): Complaint[] {
  const given = valueAt(root, path);
  const isSecret = typeof given === "string" && path.some((step) => SECRETS.includes(step));
  const found = isSecret ? `found ${given.length} characters, not shown` : foundText(given);
  return issueComplaints(issue, path, root, given, found);
}

function issueComplaints(
  issue: Issue,
  path: Path,
  root: unknown,
  value: unknown,
  found: string,
): Complaint[] {
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = issue.message.split(", ").filter((word) => word !== "");
      return issue.keys.map((key) => ({
        path: [...path, key],
        isKey: true,
        found: "unknown key",
        allowed: known,
        hint: meant(key, known),
      }));
    }
    case "invalid_union":
      return ofUnion(issue, path, root, value, found);
    case "invalid_key":
      return [{ path, isKey: true, found: "wrong key", allowed: issue.issues[0]?.message ?? issue.message }];
    case "invalid_value": {
      const allowed = issue.values.map(String);
      return [{ path, found, allowed, hint: meant(value, allowed) }];
    }
    default:
      if (issue.code === "custom" && issue.params?.isReason) {
        return [{ path, found: `${found}: ${issue.message}` }];
      }
      return [{
        path,
        found: issue.code === "too_small" && Array.isArray(value) && value.length === 0
          ? "found an empty list"
          : found,
        allowed: issue.message,
      }];
  }
}

/** The issues of the one form that was meant, or all forms when that cannot be told. */
function ofUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: Path,
  root: unknown,
  value: unknown,
  found: string,
): Complaint[] {
  const forms = (issue.errors as Issue[][]).filter((issues) => issues.length > 0);
  const isOfItsKind = (issues: Issue[]) =>
    !issues.some(({ path, code }) =>
      path.length === 0 && (code === "invalid_type" || code === "invalid_value" || code === "invalid_union")
    );
  const meantForms = forms.filter(isOfItsKind);
  if (meantForms.length === 1) {
    return meantForms[0]!.flatMap((inner) => complain(inner, [...path, ...inner.path as Path], root));
  }
  if (issue.message !== "Invalid input") {
    return [{ path, found, allowed: issue.message }];
  }
  const words = forms.flatMap(([first]) => first?.code === "invalid_value" ? first.values.map(String) : []);
  const others = forms.flatMap(([first]) => first?.code === "invalid_value" ? [] : first!.message);
  const allowed = [words.join(", "), ...others].filter((text) => text !== "").join(" or ");
  return [{ path, found, allowed, hint: meant(value, words) }];
}

/** What is at the end of a way; undefined where it leads nowhere. */
export function valueAt(value: unknown, path: Path): unknown {
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
