import type { Findings } from "../../core/jobs/findings.ts";
import { isObject, type JsonObject, objectOf, objectsOf, textOf } from "../http/json.ts";
import { parseJson } from "../http/parse-json.ts";
import { countFound, type Found, found } from "./count-found.ts";

/** Reads the output of a scanner, recognized by its shape. Undefined if the shape is not known. */
export async function readResult(output: string): Promise<Findings | undefined> {
  const document = await parse(output);
  if (!document) return undefined;
  for (const read of readers) {
    const findings = await read(document);
    if (findings !== undefined) return findings;
  }
  return undefined;
}

const readers: readonly ((document: JsonObject) => Findings | undefined | Promise<Findings | undefined>)[] = [
  trivy,
  grype,
  sarif,
  cycloneDx,
  roxctl,
  snyk,
];

/** `trivy image --format json`: an image in which it found nothing to look at has no `Results`. */
async function trivy(document: JsonObject): Promise<Findings | undefined> {
  if (!("ArtifactName" in document) || !("SchemaVersion" in document)) return undefined;
  const results = objectsOf(document.Results);
  if (results.length === 0) return { coverage: "unknown", why: "trivy found no packages in the image" };
  const all = results
    .flatMap(({ Vulnerabilities }) => objectsOf(Vulnerabilities))
    .map(({ VulnerabilityID, Severity, FixedVersion }) => found(VulnerabilityID, Severity, textOf(FixedVersion) !== undefined));
  const packages = results.reduce((sum, { Packages }) => sum + objectsOf(Packages).length, 0);
  return { ...(await counted(all)), ...(packages > 0 && { packages }) };
}

/** `grype -o json` */
async function grype({ matches, descriptor }: JsonObject): Promise<Findings | undefined> {
  if (!Array.isArray(matches) || !isObject(descriptor)) return undefined;
  return counted(
    objectsOf(matches).map(({ vulnerability }) => {
      const { id, severity, fix } = objectOf(vulnerability);
      return found(id, severity, objectOf(fix).state === "fixed");
    }),
  );
}

/** SARIF 2.1.0: a rule's `security-severity` (a CVSS score) is more than the level of a result. */
async function sarif({ runs, version }: JsonObject): Promise<Findings | undefined> {
  if (!Array.isArray(runs) || typeof version !== "string") return undefined;
  const all = objectsOf(runs).flatMap(({ results, tool }) => {
    const rules = new Map(objectsOf(objectOf(objectOf(tool).driver).rules).map((rule) => [rule.id, objectOf(rule.properties)]));
    return objectsOf(results).map(({ ruleId, level }) => {
      const said = rules.get(ruleId)?.["security-severity"];
      const score = typeof said === "string" || typeof said === "number" ? Number(said) : 0;
      return found(ruleId, score > 0 ? ofScore(score) : (level ?? "warning"), false);
    });
  });
  return counted(all);
}

/** CycloneDX with vulnerabilities; without them it is a bill of materials, which says nothing of any. */
async function cycloneDx(document: JsonObject): Promise<Findings | undefined> {
  if (document.bomFormat !== "CycloneDX") return undefined;
  const packages = objectsOf(document.components).filter(({ type }) => type !== "operating-system" && type !== "file").length;
  if (!Array.isArray(document.vulnerabilities)) {
    return packages > 0 ? { coverage: "complete", packages } : { coverage: "unknown", why: "the document holds no package" };
  }
  const all = objectsOf(document.vulnerabilities).map(({ id, ratings }) => found(id, objectsOf(ratings)[0]?.severity, false));
  return { ...(await counted(all)), ...(packages > 0 && { packages }) };
}

/** `roxctl image scan -o json` */
function roxctl({ result }: JsonObject): Findings | undefined {
  const { summary } = objectOf(result);
  if (!isObject(summary) || !("TOTAL-VULNERABILITIES" in summary)) return undefined;
  const count = (name: string) => (typeof summary[name] === "number" ? summary[name] : 0);
  const packages = count("TOTAL-COMPONENTS");
  if (packages === 0) return { coverage: "unknown", why: "roxctl found no component in the image" };
  const known = { critical: count("CRITICAL"), high: count("IMPORTANT"), medium: count("MODERATE"), low: count("LOW") };
  const rated = known.critical + known.high + known.medium + known.low;
  return {
    coverage: "complete",
    packages,
    severities: { ...known, unknown: Math.max(count("TOTAL-VULNERABILITIES") - rated, 0) },
  };
}

/** `snyk container test --json` */
async function snyk({ vulnerabilities, ok, dependencyCount }: JsonObject): Promise<Findings | undefined> {
  if (!Array.isArray(vulnerabilities) || typeof ok !== "boolean") return undefined;
  const all = objectsOf(vulnerabilities).map(({ id, severity, isUpgradable, nearestFixedInVersion }) =>
    found(id, severity, isUpgradable === true || textOf(nearestFixedInVersion) !== undefined),
  );
  return { ...(await counted(all)), ...(typeof dependencyCount === "number" && { packages: dependencyCount }) };
}

async function counted(all: Iterable<Found>): Promise<Findings> {
  return { coverage: "complete", ...(await countFound(all)) };
}

/** CVSS 3.1, section 5. */
function ofScore(score: number): string {
  if (score >= 9) return "critical";
  if (score >= 7) return "high";
  return score >= 4 ? "medium" : "low";
}

async function parse(output: string): Promise<JsonObject | undefined> {
  try {
    const value = await parseJson(output);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
