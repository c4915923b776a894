// A WebSocket whose connections can be cut from outside, as a bad network would cut them.
import type { WebSocketConstructor } from "../../src/link/index.ts";

export interface BreakableNetwork {
  readonly webSocket: WebSocketConstructor;
  /** Ends every open connection without a closing handshake. */
  readonly cut: () => void;
}

export function breakableNetwork(): BreakableNetwork {
  const open = new Set<BreakableSocket>();
  class BreakableSocket extends WebSocket {
    /** Bun's own, which the DOM's types do not know. */
    declare readonly terminate: () => void;

    constructor(url: string | URL) {
      super(url);
      open.add(this);
      this.addEventListener("close", () => open.delete(this));
    }
  }
  return {
    webSocket: BreakableSocket,
    cut: () => {
      for (const socket of open) socket.terminate();
    },
  };
}
