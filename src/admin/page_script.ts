/**
 * What the status page does where JavaScript runs.
 *
 * @module
 */

/** The script: sections are replaced as they change; the focus, and what is scrolled sideways, stay where they are. */
export const SCRIPT = `
const live = document.getElementById("live");
const source = new EventSource("events");
source.onopen = () => live.textContent = "live";
source.onerror = () => live.textContent = "not connected, trying again";
source.onmessage = ({ data }) => {
  for (const [id, html] of JSON.parse(data)) {
    const section = document.getElementById(id);
    if (section === null) continue;
    const focused = section.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = [...section.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
    section.innerHTML = html;
    section.querySelectorAll(".scroll").forEach((box, i) => box.scrollLeft = scrolled[i] ?? 0);
    if (focused !== "") document.getElementById(focused)?.focus();
  }
};
document.getElementById("actions")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const result = document.getElementById("result");
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { accept: "text/plain" } });
    result.textContent = await answer.text();
  } catch {
    result.textContent = "the proxy did not answer";
  }
});
`;
