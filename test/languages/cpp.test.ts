import { buildCpp } from "./cpp.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { describeLanguage } from "./toolchain.js";

// With CI=true what is missing is installed; else it is said, since that changes the system.
describeLanguage("C++", ["g++", "make", "pkg-config", "protoc", "grpc_cpp_plugin"], () => {
  testEmptyTasks("C++", { build: async () => ({ command: await buildCpp(), args: [] }) });
});
