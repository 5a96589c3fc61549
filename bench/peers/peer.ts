/**
 * What a proxy has to offer to be measured.
 *
 * @module
 */
import type { Server } from "../server.ts";

/** A proxy, here in its role as one among others. */
export interface Peer {
  /** For `--only` and the report. */
  name: string;
  /** What it is, with its version. */
  about(): Promise<string>;
  /**
   * Starts it on its own core, in front of the origin.
   *
   * @param dir A directory for its files.
   * @param origin `127.0.0.1:port`.
   * @throws {Missing} when it is not installed
   */
  start(dir: string, origin: string): Promise<Server>;
}
