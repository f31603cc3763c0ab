import type { RequestHandler } from "express";

/**
 * Limits how many bodies are read at a time, in all and for one address. The others wait unread, so they cost a connection but no memory.
 * A body that is not complete in the connection's time loses its place with the connection.
 */
export function createBodyPlaces(places: number, placesOfPeer: number): RequestHandler {
  const line = new Set<() => boolean>();
  const taken = new Map<string, number>();
  let busy = 0;

  function tryAll(): void {
    for (const enter of line) if (busy < places && enter()) line.delete(enter);
  }

  return (request, response, next) => {
    const peer = request.socket.remoteAddress ?? "";
    let hasPlace = false;
    const leave = () => {
      line.delete(enter);
      if (!hasPlace) return;
      hasPlace = false;
      busy -= 1;
      taken.set(peer, (taken.get(peer) ?? 1) - 1);
      if (taken.get(peer) === 0) taken.delete(peer);
      tryAll();
    };
    const enter = () => {
      if ((taken.get(peer) ?? 0) >= placesOfPeer) return false;
      hasPlace = true;
      busy += 1;
      taken.set(peer, (taken.get(peer) ?? 0) + 1);
      next();
      return true;
    };
    request.once("end", leave);
    response.once("close", leave);
    line.add(enter);
    tryAll();
  };
}
