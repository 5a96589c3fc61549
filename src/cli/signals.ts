/**
 * Being told to stop.
 *
 * @module
 */

/** Resolves with the name of the first SIGINT or SIGTERM. A second one ends the process at once. */
export function stopSignal(): Promise<string> {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
  return new Promise((resolve) => {
    let told = false;
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => {
        if (told) Deno.exit(1);
        told = true;
        resolve(signal);
      });
    }
  });
}
