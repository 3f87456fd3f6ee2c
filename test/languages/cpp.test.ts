import { buildCpp, cppPrograms } from "./cpp.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { describeLanguage } from "./toolchain.js";

// With CI=true what is missing is installed; else it is said, since that changes the system.
describeLanguage("C++", cppPrograms, () => {
  testEmptyTasks("C++", { build: async () => ({ command: await buildCpp(), args: [] }) });
});
