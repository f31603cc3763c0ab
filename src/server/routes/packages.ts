import { type Request, type Response, Router } from "express";
import { type ImageReference, parseImageReference } from "../../core/images/image-reference.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import { type PackageQuestion, parsePackageQuestion } from "../../core/jobs/package-question.ts";
import { QuestionError } from "../../inventory/inventory.ts";
import type { JobRecord } from "../../queue/job-queue.ts";
import { mayPressButtons } from "../listening/access.ts";
import { answerQuestion, type FoundPackages } from "../packages/answer.ts";
import type { PageParts } from "../page-parts.ts";
import { imageDigest } from "../records/chain.ts";
import { toText } from "../views/html.ts";
import { packagesPage } from "../views/pages/packages-page.ts";
import { callerOf } from "./guard.ts";

const noQuestion = "Ask for a name, with a version or a range: name=log4j-core&version=>=2.0 <2.17.1";
const notReading =
  "This bot reads no packages. Name packages in BUILD_WATCHER_ANALYZERS, beside the other analyzers, to have them read.";

/** Which images have a package: for people at `/packages`, for programs below `/api`; and bills of materials. */
export function packageRoutes(parts: PageParts): Router {
  const { packages, queue, access, clock, version } = parts;
  const router = Router();

  router.get("/packages", async (request, response) => {
    const text = textOf(request.query.q).slice(0, 500);
    const asked = parsePackageQuestion(text);
    const answer = packages && asked ? await ask(asked) : undefined;
    const problem = packages ? (typeof answer === "string" ? answer : undefined) : notReading;
    const coverage = await packages?.known.coverage();
    const found = typeof answer === "object" ? answer : undefined;
    const page = packagesPage({
      text,
      found,
      problem,
      coverage,
      now: clock.now(),
      mayChange: mayPressButtons(callerOf(request), access),
      version,
    });
    response
      .status(typeof answer === "string" ? 400 : 200)
      .type("html")
      .send(toText(page));
  });

  router.get("/api/packages", async (request, response) => {
    const asked = questionOf(request);
    if (!packages) return void response.status(404).json({ error: notReading });
    if (!asked) return void response.status(400).json({ error: noQuestion });
    const answer = await ask(asked);
    if (typeof answer === "string") response.status(400).json({ error: answer });
    else response.json(answer);
  });

  router.get("/api/jobs/:id/sbom", async (request: Request<{ id: string }>, response) => {
    const record = await queue.find(request.params.id);
    if (!record) return void response.status(404).json({ error: "There is no such job." });
    const document = await documentOf(record);
    if (!document)
      return void response.status(404).json({ error: packages ? "The packages of its image were not read." : notReading });
    sendDocument(response, document);
  });
  return router;

  async function ask(question: PackageQuestion): Promise<FoundPackages | string> {
    if (!packages) return notReading;
    try {
      return await answerQuestion(question, { queue, known: packages.known });
    } catch (error) {
      if (error instanceof QuestionError) return error.message;
      throw error;
    }
  }

  async function documentOf(record: JobRecord): Promise<Uint8Array | undefined> {
    const [digest, image] = [imageDigest(record, "output"), referenceOf(record)];
    return packages && digest && image && packages.known.document(digest, { image, specVersion: packages.specVersion });
  }
}

function sendDocument(response: Response, document: Uint8Array): void {
  response
    .type("application/vnd.cyclonedx+json")
    .set("Content-Disposition", 'attachment; filename="sbom.cdx.json"')
    .send(Buffer.from(document));
}

/** The image under the name it was read by. */
function referenceOf({ result, job }: JobRecord): ImageReference | undefined {
  if (result?.output === undefined) return job.output?.kind === "reference" ? job.output.reference : undefined;
  try {
    return parseImageReference(result.output);
  } catch (error) {
    asJobError(error);
    return undefined;
  }
}

/** `name` can also hold the version, or be a package URL. */
function questionOf({ query }: Request): PackageQuestion | undefined {
  const asked = parsePackageQuestion(textOf(query.name));
  const range = textOf(query.version).trim();
  return asked && { ...asked, ...(range && { range }) };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
