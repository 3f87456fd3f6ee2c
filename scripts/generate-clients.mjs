// Generates the stubs of the clients in other languages: `node scripts/generate-clients.mjs [go] [python]`, without a
// name those of all; and the reasons of errors in all clients and docs/errors.md (scripts/reasons.mjs). Gets the generators first. Does nothing where no input has changed; `--force` does it anyway.
// `go --output=DIR` writes Go's into another folder, to be compared.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installLanguages } from "./install-languages.mjs";
import { at, filesUnder, fingerprint, isMain, node, readIfThere, run, withLock } from "./lib.mjs";
import { writeReasons } from "./reasons.mjs";

/** For each language: what decides about the result beside the protos, what has to be there, and the generator. */
const languages = {
  go: {
    inputs: ["buf.gen.go.yaml", "scripts/install-languages.mjs"],
    outputs: ["clients/go/mesosbridge/v1/scheduler.pb.go"],
    generate: () =>
      node([at("node_modules/@bufbuild/buf/bin/buf"), "generate", "--template", "buf.gen.go.yaml"], quiet),
  },
  python: {
    inputs: ["clients/python/generate.py", "clients/python/requirements-dev.txt"],
    outputs: ["clients/python/src/mesosbridge/v1/scheduler_pb2.py"],
    generate: () => run(at(".tools/python/bin/python"), [at("clients/python/generate.py")], quiet),
  },
};
const quiet = { capture: true };

/** Writes them to where they are committed, or as they would be there below `output`. */
async function goStubs(output) {
  const template = "buf.gen.go.yaml";
  const scratch = output === undefined ? template : join(output, template);
  if (output !== undefined)
    writeFileSync(scratch, readFileSync(at(template), "utf8").replaceAll("out: clients/go", `out: ${output}`));
  return node([at("node_modules/@bufbuild/buf/bin/buf"), "generate", "--template", scratch], quiet);
}

/**
 * Generates the stubs of these languages; with `output` those of Go, into that folder.
 *
 * @throws Error that says what failed
 */
export async function generateClients(names, { force = false, output } = {}) {
  await installLanguages(names);
  await withLock("generate-clients", async () => {
    if (output !== undefined) return check("go", await goStubs(output));
    for (const name of names) await generateOne(name, force);
  });
}

function check(name, { status, output }) {
  if (status !== 0) throw new Error(`generating the ${name} stubs failed:\n${output}`);
}

async function generateOne(name, force) {
  const { inputs, outputs, generate } = languages[name];
  const stamp = at(".tools", `.stubs-${name}`);
  const current = fingerprint([...inputs, ...filesUnder("proto")]);
  if (!force && readIfThere(`.tools/.stubs-${name}`) === current && outputs.every((file) => existsSync(at(file))))
    return;
  check(name, await generate());
  writeFileSync(stamp, current);
}

if (isMain(import.meta.url)) {
  const names = process.argv.slice(2).filter((arg) => !arg.startsWith("-"));
  try {
    const force = process.argv.includes("--force");
    const [output] = process.argv.flatMap((arg) => (arg.startsWith("--output=") ? [arg.slice(9)] : []));
    if (output === undefined) writeReasons();
    await generateClients(names.length > 0 ? names : Object.keys(languages), { force, output });
  } catch (error) {
    console.error(`generate-clients: ${error.message}`);
    process.exitCode = 1;
  }
}
