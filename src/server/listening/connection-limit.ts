import type { Socket } from "node:net";

/**
 * Called for every new connection. If there are too many, the oldest one of the address that has most is closed for it, so that a flood from one
 * address never keeps another out: probes are answered whatever else the listener suffers.
 */
export function createConnectionLimit(most: number, mostOfPeer: number): (socket: Socket) => void {
  const peers = new Map<string, Set<Socket>>();
  let count = 0;

  function largest(): Set<Socket> | undefined {
    let found: Set<Socket> | undefined;
    for (const sockets of peers.values()) if (sockets.size > (found?.size ?? 0)) found = sockets;
    return found;
  }

  function forget(peer: string, socket: Socket): void {
    const sockets = peers.get(peer);
    if (!sockets?.delete(socket)) return;
    count -= 1;
    if (sockets.size === 0) peers.delete(peer);
  }

  return (socket) => {
    const peer = socket.remoteAddress ?? "";
    const own = peers.get(peer) ?? new Set();
    const crowded = own.size >= mostOfPeer ? own : count >= most ? largest() : undefined;
    const [oldest] = crowded ?? [];
    if (oldest && crowded?.delete(oldest)) {
      count -= 1;
      oldest.destroy();
    }
    peers.set(peer, own.add(socket));
    count += 1;
    socket.once("close", () => forget(peer, socket));
  };
}
