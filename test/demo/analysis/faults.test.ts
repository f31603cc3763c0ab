import { Agent, get } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AnalysisApi } from "../../../src/demo/analysis-api.ts";
import { appImage, baseImage, startAnalysis } from "../../support/analysis.ts";

describe("faults of the analysis service", () => {
  it("are over after as many submissions as told, and are not submissions", async () => {
    const { api, analyze, ask } = await startAnalysis();
    api.fail({ status: 429, headers: { "retry-after": "3" } }, 2);
    expect((await ask("")).status).toBe(200);
    const answers = [await analyze({ image: appImage }), await analyze({ image: appImage }), await analyze({ image: appImage })];
    expect(answers.map(({ status }) => status)).toEqual([429, 429, 202]);
    expect(answers[0]?.headers.get("retry-after")).toBe("3");
    expect([api.received, api.submissions.length]).toEqual([3, 1]);
  });

  it("of discovery leave submissions alone", async () => {
    const { api, analyze, ask } = await startAnalysis();
    api.fail({ status: 500 }, 1, "discovery");
    expect((await analyze({ image: appImage })).status).toBe(202);
    expect((await ask("")).status).toBe(500);
    expect((await ask("")).status).toBe(200);
  });

  it("can be decided request by request", async () => {
    const { api, analyze } = await startAnalysis();
    api.faults((number, { query }) =>
      number === 1 || query.image === baseImage
        ? { status: 502, body: "bad gateway", contentType: "application/json" }
        : undefined,
    );
    await expect(analyze({ image: appImage })).rejects.toThrow(SyntaxError);
    expect((await analyze({ image: appImage })).status).toBe(202);
    await expect(analyze({ image: baseImage })).rejects.toThrow(SyntaxError);
  });

  it("keep it down until it is up", async () => {
    const { api, analyze, ask } = await startAnalysis();
    api.down();
    expect([(await ask("")).status, (await analyze({ image: appImage })).status]).toEqual([503, 503]);
    api.up();
    expect([(await ask("")).status, (await analyze({ image: appImage })).status]).toEqual([200, 202]);
  });

  it.each([
    ["html-500", 500, "text/html; charset=utf-8", /^<!DOCTYPE html>/],
    ["not-json", 202, "application/json", /^accepted$/],
    ["no-id", 202, "application/json", /^(?!.*analysis_id)/],
    ["redirect", 307, "text/plain; charset=utf-8", /^$/],
  ] as const)("%s is answered with %i", async (fault, status, contentType, body) => {
    const { api } = await startAnalysis();
    api.fail(fault);
    const response = await fetch(`${api.url}/api/v1/analyze?image=${appImage}`, { method: "POST", redirect: "manual" });
    expect([response.status, response.headers.get("content-type")]).toEqual([status, contentType]);
    expect(body.test(await response.text())).toBe(true);
    expect(api.submissions).toEqual([]);
  });

  it("huge is an answer of more than 10 MB", async () => {
    const { api } = await startAnalysis();
    api.fail("huge");
    const response = await fetch(`${api.url}/api/v1/analyze?image=${appImage}`, { method: "POST" });
    expect(response.status).toBe(202);
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(10_000_000);
  });

  it("redirect to a path of its own, where a client that follows is seen", async () => {
    const { api } = await startAnalysis();
    api.fail("redirect");
    await fetch(`${api.url}/api/v1/analyze?image=${appImage}`, { method: "POST" });
    expect(api.received).toBe(2);
  });

  it.each(["reset", "reset-body"] as const)("%s breaks the connection", async (fault) => {
    const { api, analyze } = await startAnalysis();
    api.fail(fault);
    await expect(analyze({ image: appImage })).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/^ECONNRESET$|^UND_ERR_SOCKET$/) },
    });
    expect((await analyze({ image: appImage })).status).toBe(202);
  });

  it("hang until the client gives up or the service is closed", async () => {
    const { api, analyze } = await startAnalysis();
    api.fail("hang");
    const hanging = analyze({ image: appImage });
    await api.waitFor(({ received }) => received === 1);
    const [answer] = await Promise.allSettled([hanging, api.close()]);
    expect(answer.status).toBe("rejected");
  });
});

describe("whoever watches the service", () => {
  it("hears of every submission until he stops listening", async () => {
    const { api, analyze } = await startAnalysis();
    const heard: (string | undefined)[] = [];
    const stop = api.onSubmission(({ query }) => heard.push(query.image));
    await analyze({ image: appImage });
    stop();
    await analyze({ image: baseImage });
    expect(heard).toEqual([appImage]);
  });

  it("can wait for submissions", async () => {
    const { api, analyze } = await startAnalysis();
    const waiting = api.waitFor(({ submissions }: AnalysisApi) => submissions.length === 2);
    await analyze({ image: appImage });
    await analyze({ image: baseImage });
    await waiting;
  });

  it("sees connections that are kept count once", async () => {
    const { api } = await startAnalysis();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    for (const _ of [1, 2, 3]) {
      await new Promise((resolve) => get(`${api.url}/api/v1`, { agent }, (response) => response.resume().on("end", resolve)));
    }
    expect(api.connections).toBe(1);
  });
});
