import { describe, expect, it } from "vitest";
import { createHarborScannerAnalyzer, harborScannerService } from "../../src/analyzers/harbor-scanner.ts";
import { systemClock } from "../../src/core/clock.ts";
import { endpointAt, never, request } from "../support/analyzers.ts";
import { strictNock } from "../support/strict-nock.ts";

const nock = strictNock();
const manifest = "application/vnd.oci.image.manifest.v1+json";
const report = "application/vnd.security.vulnerability.report; version=1.1";
const output = { ...request.output, login: { user: "robot", password: "TOPSECRET" } };

async function submitTo(url: string, body: (body: { registry: { authorization?: string } }) => boolean) {
  const api = nock(url);
  const capability = { consumes_mime_types: [manifest], produces_mime_types: [report] };
  api.get("/api/v1/metadata").reply(200, { capabilities: [capability] });
  api.post("/api/v1/scan", body).reply(202, { id: "scan-1" });
  const endpoint = endpointAt(`${url}/api/v1`, harborScannerService);
  return createHarborScannerAnalyzer({ endpoint, clock: systemClock }).submit({ ...request, output }, never);
}

describe("the registry's login", () => {
  it.each(["http://scanner.example.com", "http://10.0.0.7:8080", "http://evil-svc.example.com"])(
    "is not given to an adapter that can be overheard, %s, and the record says so",
    async (url) => {
      const { notes } = await submitTo(url, ({ registry }) => registry.authorization === undefined);
      expect(notes).toEqual([expect.stringMatching(/login was not passed on.*BUILD_WATCHER_HARBOR_SCANNER_URL/)]);
    },
  );

  it.each(["https://scanner.example.com", "http://trivy.harbor.svc:8080", "http://trivy.harbor.svc.cluster.local"])(
    "is given to %s",
    async (url) => {
      const { notes } = await submitTo(url, ({ registry }) => registry.authorization === `Basic ${btoa("robot:TOPSECRET")}`);
      expect(notes).toEqual([]);
    },
  );
});
