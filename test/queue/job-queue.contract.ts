import { describe } from "vitest";
import { describeAmending } from "./contract/amending.ts";
import { describeAnalyzers } from "./contract/analyzers.ts";
import { type QueueStorage, useStorage } from "./contract/contract.ts";
import { describeDeadlines } from "./contract/deadlines.ts";
import { describeFailures } from "./contract/failures.ts";
import { describeFairness } from "./contract/fairness.ts";
import { describeMending } from "./contract/mending.ts";
import { describeOutage } from "./contract/outage.ts";
import { describeRunning } from "./contract/running.ts";
import { describeShelf } from "./contract/shelf.ts";
import { describeStopping } from "./contract/stopping.ts";
import { describeTags } from "./contract/tags.ts";
import { describeTakingIn } from "./contract/taking-in.ts";

export type { QueueOptions, QueueStorage } from "./contract/contract.ts";

/** The promises of `JobQueue`, to be kept by every implementation. Those over long outages can be left out where they take minutes. */
export function describeJobQueue(name: string, createStorage: () => Promise<QueueStorage>, { longOutages = true } = {}): void {
  describe(name, () => {
    const contract = useStorage(createStorage);
    describeTakingIn(contract);
    describeRunning(contract);
    describeFailures(contract);
    describeAnalyzers(contract);
    describeFairness(contract);
    describeDeadlines(contract);
    if (longOutages) describeOutage(contract);
    describeStopping(contract);
    describeMending(contract);
    describeAmending(contract);
    describeTags(contract);
    describeShelf(contract);
  });
}
