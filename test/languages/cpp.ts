import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

/** Where the C++ example lies. */
export const cppFolder = at("clients/cpp");

/** What has to be in PATH. */
export const cppPrograms = ["g++", "make", "pkg-config", "protoc", "grpc_cpp_plugin"] as const;

/** Builds the C++ example, and gives the program. Make itself knows what of it is current. */
export async function buildCpp(): Promise<string> {
  await succeed(process.execPath, [at("scripts/install-languages.mjs"), "cpp"]);
  await succeed("make", ["--silent", "--jobs=2"], { cwd: cppFolder });
  return `${cppFolder}/build/empty-tasks`;
}
