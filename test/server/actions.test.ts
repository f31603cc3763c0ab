import { describe, expect, it, onTestFinished } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { openPageServer, type PageServerOptions } from "../support/page-server.ts";
import { job } from "./records.ts";

/** What a browser sends with a form of the page. */
async function formOf({ url, formToken }: Awaited<ReturnType<typeof openPageServer>>) {
  return { origin: url, "sec-fetch-site": "same-origin", "x-form-token": await formToken() };
}

/** A page over jobs that failed, all at once or none. */
async function serve(count = 1, options: PageServerOptions = {}) {
  const server = await openPageServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  let fails = true;
  await Promise.all(Array.from({ length: count }, (_, number) => server.queue.add(job(`shop/web-${number}`))));
  server.work(async () => {
    if (fails) throw new JobError("ImageNotFound", "gone");
    return { analyses: [], notes: [] };
  });
  await server.queue.idle();
  const { id } = job("shop/web-0");
  return { ...server, id, heal: () => (fails = false), form: await formOf(server) };
}

describe("a button", () => {
  it("retries a failed job and leads back to the page it was on", async () => {
    const { post, id, form, url, heal, queue } = await serve();
    heal();
    const answer = await post(`/jobs/${id}/retry`, { ...form, referer: `${url}/?state=failed` });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/?state=failed"]);
    await queue.idle();
    expect((await queue.find(id))?.state).toBe("done");
  });

  it("dismisses one", async () => {
    const { post, id, form, queue } = await serve();
    const answer = await post(`/jobs/${id}/dismiss`, form);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"]);
    expect((await queue.find(id))?.state).toBe("dismissed");
  });

  it.each(["https://evil.example/", "//evil.example", "javascript:alert(1)", "nonsense"])(
    "never leads to %s",
    async (referer) => {
      const { post, id, form } = await serve();
      expect((await post(`/jobs/${id}/retry`, { ...form, referer })).headers.get("location")).toBe("/");
    },
  );

  it("retries all that failed, more than a page of them", async () => {
    const { post, form, heal, queue } = await serve(1_100, { workers: 50 });
    heal();
    const answer = await post("/jobs/retry-failed", { ...form, accept: "application/json" });
    expect(await answer.json()).toEqual({ retried: 1_100 });
    await queue.idle();
    expect(await queue.counts()).toMatchObject({ failed: 0, done: 1_100 });
  });

  it("says why it cannot", async () => {
    const { post, form, id, heal, queue } = await serve();
    const unknown = await post("/jobs/build-unknown/retry", { ...form, accept: "text/html" });
    expect(unknown.status).toBe(409);
    expect(await unknown.text()).toContain("no such job");
    heal();
    await post(`/jobs/${id}/retry`, form);
    await queue.idle();
    const done = await post(`/jobs/${id}/dismiss`, { ...form, accept: "application/json" });
    expect(await done.json()).toEqual({ error: "There is no such job, or it is running or done." });
  });

  it.each([
    ["another site's page", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }, 403],
    ["another port's page", { origin: "http://127.0.0.1:1", "sec-fetch-site": "same-site" }, 403],
    ["a sandboxed page", { origin: "null" }, 403],
  ])("is not pressed by %s", async (_name, headers, status) => {
    const { post, id, queue } = await serve();
    for (const path of [
      `/jobs/${id}/retry`,
      `/jobs/${id}/dismiss`,
      "/jobs/retry-failed",
      `/api/jobs/${id}/dismiss`,
      "/api/jobs",
    ]) {
      expect((await post(path, headers)).status).toBe(status);
    }
    expect(await queue.find(id)).toMatchObject({ state: "failed", attempts: 1 });
  });

  it("does not work with GET", async () => {
    const { get, id, queue } = await serve();
    for (const verb of ["retry", "dismiss"]) expect((await get(`/jobs/${id}/${verb}`)).status).toBe(404);
    expect((await queue.find(id))?.state).toBe("failed");
  });

  it("refuses a large body", async () => {
    const { post, id, form } = await serve();
    const body = `x=${"y".repeat(10_000)}`;
    expect((await post(`/jobs/${id}/retry`, { ...form, "content-type": "application/x-www-form-urlencoded" }, body)).status).toBe(
      413,
    );
  });

  it("cannot be pressed without the token of the page", async () => {
    const { post, id, form, queue } = await serve();
    const { "x-form-token": _token, ...claim } = form;
    for (const headers of [claim, { ...claim, "x-form-token": "guessed" }]) {
      const answer = await post(`/jobs/${id}/retry`, { ...headers, accept: "application/json" });
      expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("load it again")]);
    }
    expect((await queue.find(id))?.attempts).toBe(1);
  });

  it("carries the token in the page's own form", async () => {
    const { post, get, id, form } = await serve();
    const page = await (await get("/", { accept: "text/html" })).text();
    const [, token = ""] = /<form class="action"[^>]*><input type="hidden" name="token" value="([^"]*)">/.exec(page) ?? [];
    const headers = { origin: form.origin, "content-type": "application/x-www-form-urlencoded" };
    expect((await post(`/jobs/${id}/dismiss`, headers, `token=${token}`)).status).toBe(303);
  });
});
