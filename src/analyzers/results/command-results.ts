import { countSeverities, type Findings } from "../../core/jobs/findings.ts";
import { isObject, type JsonObject, objectOf, objectsOf, textOf } from "../http/json.ts";
import { parseJson } from "../http/parse-json.ts";

/** Reads the output of a scanner, recognized by its shape. Undefined if the shape is not known. */
export async function readResult(output: string): Promise<Findings | undefined> {
  const document = await parse(output);
  if (!document) return undefined;
  return readers.map((read) => read(document)).find((findings) => findings !== undefined);
}

/** The parts of a vulnerability that count. */
interface Found {
  readonly id: string;
  readonly severity: string;
  readonly fixable: boolean;
}

const readers: readonly ((document: JsonObject) => Findings | undefined)[] = [trivy, grype, sarif, cycloneDx, roxctl, snyk];

/** `trivy image --format json`: an image in which it found nothing to look at has no `Results`. */
function trivy(document: JsonObject): Findings | undefined {
  if (!("ArtifactName" in document) || !("SchemaVersion" in document)) return undefined;
  const results = objectsOf(document.Results);
  if (results.length === 0) return { coverage: "unknown", why: "trivy found no packages in the image" };
  const found = results
    .flatMap(({ Vulnerabilities }) => objectsOf(Vulnerabilities))
    .map(({ VulnerabilityID, Severity, FixedVersion }) => one(VulnerabilityID, Severity, textOf(FixedVersion) !== undefined));
  const packages = results.reduce((sum, { Packages }) => sum + objectsOf(Packages).length, 0);
  return { ...counted(found), ...(packages > 0 && { packages }) };
}

/** `grype -o json` */
function grype({ matches, descriptor }: JsonObject): Findings | undefined {
  if (!Array.isArray(matches) || !isObject(descriptor)) return undefined;
  return counted(
    objectsOf(matches).map(({ vulnerability }) => {
      const { id, severity, fix } = objectOf(vulnerability);
      return one(id, severity, objectOf(fix).state === "fixed");
    }),
  );
}

/** SARIF 2.1.0: a rule's `security-severity` (a CVSS score) is more than the level of a result. */
function sarif({ runs, version }: JsonObject): Findings | undefined {
  if (!Array.isArray(runs) || typeof version !== "string") return undefined;
  const found = objectsOf(runs).flatMap(({ results, tool }) => {
    const rules = new Map(objectsOf(objectOf(objectOf(tool).driver).rules).map((rule) => [rule.id, objectOf(rule.properties)]));
    return objectsOf(results).map(({ ruleId, level }) => {
      const score = Number(rules.get(ruleId)?.["security-severity"]);
      return one(ruleId, score > 0 ? ofScore(score) : (level ?? "warning"), false);
    });
  });
  return counted(found);
}

/** CycloneDX with vulnerabilities; without them it is a bill of materials, which says nothing of any. */
function cycloneDx(document: JsonObject): Findings | undefined {
  if (document.bomFormat !== "CycloneDX") return undefined;
  const packages = objectsOf(document.components).filter(({ type }) => type !== "operating-system" && type !== "file").length;
  if (!Array.isArray(document.vulnerabilities)) {
    return packages > 0 ? { coverage: "complete", packages } : { coverage: "unknown", why: "the document holds no package" };
  }
  const found = objectsOf(document.vulnerabilities).map(({ id, ratings }) => one(id, objectsOf(ratings)[0]?.severity, false));
  return { ...counted(found), ...(packages > 0 && { packages }) };
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
function snyk({ vulnerabilities, ok, dependencyCount }: JsonObject): Findings | undefined {
  if (!Array.isArray(vulnerabilities) || typeof ok !== "boolean") return undefined;
  const found = objectsOf(vulnerabilities).map(({ id, severity, isUpgradable, nearestFixedInVersion }) =>
    one(id, severity, isUpgradable === true || textOf(nearestFixedInVersion) !== undefined),
  );
  return { ...counted(found), ...(typeof dependencyCount === "number" && { packages: dependencyCount }) };
}

function one(id: unknown, severity: unknown, fixable: boolean): Found {
  return { id: String(id), severity: textOf(severity) ?? "", fixable };
}

/** Each vulnerability once, however many packages have it. */
function counted(all: readonly Found[]): Findings {
  const each = new Map<string, Found>();
  for (const found of all) each.set(found.id, { ...found, fixable: found.fixable || each.get(found.id)?.fixable === true });
  const found = [...each.values()];
  return {
    coverage: "complete",
    severities: countSeverities(found.map(({ severity }) => severity)),
    fixable: found.filter(({ fixable }) => fixable).length,
  };
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
