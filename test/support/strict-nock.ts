import nock from "nock";
import { afterEach, beforeEach, expect } from "vitest";

/** In this file no request goes to a real host, and every expected one is made: what is not spoken of fails the test, both ways. */
export function strictNock(): typeof nock {
  const unexpected: string[] = [];
  const note = (request: { method?: string; path?: string }) => unexpected.push(`${request.method} ${request.path}`);

  beforeEach(() => {
    if (!nock.isActive()) nock.activate();
    nock.disableNetConnect();
    nock.emitter.on("no match", note);
  });
  afterEach(() => {
    const pending = nock.pendingMocks();
    nock.emitter.off("no match", note);
    nock.cleanAll();
    nock.enableNetConnect();
    // The next file in this process sends real requests.
    nock.restore();
    expect({ unexpected: unexpected.splice(0), notRequested: pending }).toEqual({ unexpected: [], notRequested: [] });
  });
  return nock;
}
