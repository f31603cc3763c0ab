import { embeddedStorage } from "./embedded-storage.ts";
import { describeJobQueue } from "./job-queue.contract.ts";

describeJobQueue("the embedded queue", async () => embeddedStorage());
