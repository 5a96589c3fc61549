/**
 * Signals.
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

/** Calls back at every one of these signals, where the system has them, until it is told to stop. */
export function onSignals(callbacks: Partial<Record<Deno.Signal, () => void>>): { stop(): void } {
  if (Deno.build.os === "windows") return { stop() {} };
  const all = Object.entries(callbacks) as [Deno.Signal, () => void][];
  for (const [signal, callback] of all) Deno.addSignalListener(signal, callback);
  return {
    stop() {
      for (const [signal, callback] of all) Deno.removeSignalListener(signal, callback);
    },
  };
}
