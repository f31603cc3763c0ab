import { syncBuiltinESMExports } from "node:module";
import v8 from "node:v8";

// The bot switches V8's middle compiler off when it starts. With this module loaded before it, it stays on.
const { setFlagsFromString } = v8;
v8.setFlagsFromString = (flag) => {
  if (flag !== "--no-maglev") setFlagsFromString(flag);
};
syncBuiltinESMExports();
