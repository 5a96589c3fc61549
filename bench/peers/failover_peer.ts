/**
 * What a proxy has to offer to be looked at while its origins fail.
 *
 * @module
 */
import type { MoodyOrigin } from "../../tests/support/moody_origin.ts";
import type { Server } from "../server.ts";

/** A proxy that balances over several origins and checks them. */
export interface FailoverPeer {
  /** For the report. */
  name: string;
  /** What it is, with its version. */
  about(): Promise<string>;
  /**
   * Starts it on its own core, in front of the origins.
   *
   * @param dir A directory for its files.
   * @param onMessage Is told of what it logs.
   * @throws {Missing} when it is not installed
   */
  start(dir: string, origins: readonly MoodyOrigin[], onMessage: (text: string) => void): Promise<Server>;
  /** Whether a line of its log says that the origin gets no more requests. */
  isOut(line: string, origin: MoodyOrigin): boolean;
}
