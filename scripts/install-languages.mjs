// Puts what the clients in other languages need, and what those languages' own package managers have, into .tools; what
// C++ needs comes from the system's packages.
// Does only what is missing. `node scripts/install-languages.mjs [go] [python] [cpp]`; without a name: all of them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { at, isMain, readIfThere, run, withLock } from "./lib.mjs";

/** buf runs these for Go. */
const goPlugins = {
  "protoc-gen-go": "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
  "protoc-gen-go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
};

/** Go's code generators, in .tools/bin. Needs `go` in PATH. */
export async function installGo() {
  for (const [name, module] of Object.entries(goPlugins)) {
    const stamp = `.tools/bin/.${name}`;
    if (existsSync(at(".tools/bin", name)) && readIfThere(stamp) === module) continue;
    mkdirSync(at(".tools/bin"), { recursive: true });
    const env = { ...process.env, GOBIN: at(".tools/bin"), GOFLAGS: "" };
    await must("go", ["install", module], { env, cwd: at(".tools") });
    writeFileSync(at(stamp), module);
  }
}

/** Python's packages, in the virtual environment .tools/python. Needs `python3` in PATH, 3.11 or newer. */
export async function installPython() {
  const requirements = "clients/python/requirements-dev.txt";
  const stamp = ".tools/python/.requirements";
  const wanted = readFileSync(at(requirements), "utf8");
  if (readIfThere(stamp) === wanted) return;
  mkdirSync(at(".tools"), { recursive: true });
  await must("python3", ["-m", "venv", "--clear", at(".tools/python")]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", at(requirements)];
  await must(at(".tools/python/bin/python"), pip);
  writeFileSync(at(stamp), wanted);
}

/** What builds the C++ example: programs, and Debian's packages with them. */
const cpp = {
  programs: ["g++", "make", "pkg-config", "protoc", "grpc_cpp_plugin"],
  packages: "g++ make pkg-config protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libgrpc++-dev".split(" "),
};

/** gRPC for C++, from Debian's or Ubuntu's packages; as root, and only if it is not there. */
export async function installCpp() {
  const there = [...cpp.programs.map((name) => `command -v ${name}`), "pkg-config --exists grpc++ protobuf"];
  const { status } = await run("sh", ["-c", there.join(" && ")], { capture: true });
  if (status === 0) return;
  const install = ["install", "--yes", "--no-install-recommends", ...cpp.packages];
  if (process.getuid?.() !== 0) throw new Error(`install with your system's packages: ${cpp.packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await must("apt-get", ["update"], { env });
  await must("apt-get", install, { env });
}

const installers = { go: installGo, python: installPython, cpp: installCpp };

/**
 * Installs for the languages named.
 *
 * @throws Error that says what failed
 */
export async function installLanguages(names = Object.keys(installers)) {
  await withLock("languages", async () => {
    for (const name of names) {
      if (!Object.hasOwn(installers, name))
        throw new Error(`'${name}' is none of ${Object.keys(installers).join(", ")}`);
      await installers[name]();
    }
  });
}

async function must(command, args, options) {
  const { status, output } = await run(command, args, { ...options, capture: true }).catch((error) => {
    throw new Error(`${command} is needed in PATH: ${error.message}`);
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${output}`);
}

if (isMain(import.meta.url)) {
  try {
    const names = process.argv.slice(2);
    await installLanguages(names.length > 0 ? names : undefined);
  } catch (error) {
    console.error(`install-languages: ${error.message}`);
    process.exitCode = 1;
  }
}
