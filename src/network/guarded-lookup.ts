import { type LookupAddress, lookup as resolveName } from "node:dns";
import type { LookupFunction } from "node:net";

/** The code of the error for a host that resolves to refused addresses only. */
export const refusedCode = "EREFUSEDADDRESS";

/** Which of a host's addresses are allowed; none refuses the host. */
export type ChooseAddresses = (hostname: string, addresses: readonly LookupAddress[]) => Promise<readonly LookupAddress[]>;

/** Looks a host up as Node does, without refused addresses. So the checked address is the one that is connected to. */
export function guardedLookup(choose: ChooseAddresses, resolve: typeof resolveName = resolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      choose(hostname, addresses).then(
        (allowed) => {
          const [first] = allowed;
          if (!first) return callback(Object.assign(new Error(`${hostname} is refused`), { code: refusedCode }), []);
          if (options.all) callback(null, [...allowed]);
          else callback(null, first.address, first.family);
        },
        (failure: NodeJS.ErrnoException) => callback(failure, []),
      );
    });
  };
}
