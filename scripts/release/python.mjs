// The Python client as a wheel and a source distribution. Both hold the stubs, so that nobody needs protoc.
import { readdirSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { create, extract } from "tar";
import { generateClients } from "../generate-clients.mjs";
import { at, filesUnder } from "../lib.mjs";
import { succeed } from "./programs.mjs";
import { RELEASE_TIME, stage, stageReadme } from "./stage.mjs";

const client = "clients/python";
/** setuptools changes sys.argv. */
const BUILD = "import sys, build_backend as b; to = sys.argv[1]; b.build_sdist(to); b.build_wheel(to)";

/** Builds `mesos_bridge-VERSION-py3-none-any.whl` and `mesos_bridge-VERSION.tar.gz`. */
export async function buildPython({ output, version, scratch }) {
  await generateClients(["python"]);
  const folder = join(scratch, "python");
  const sources = filesUnder(`${client}/src`, (name) => /\.pyi?$|^py\.typed$/.test(name));
  const others = ["pyproject.toml", "MANIFEST.in", "build_backend.py", "generate.py"].map(
    (name) => `${client}/${name}`,
  );
  for (const file of [...sources, ...others]) stage(file, join(folder, file.slice(client.length)));
  for (const file of ["LICENSE", "NOTICE"]) stage(file, join(folder, file));
  stageReadme(`${client}/README.md`, join(folder, "README.md"));
  const env = {
    ...process.env,
    SOURCE_DATE_EPOCH: String(RELEASE_TIME.getTime() / 1000),
    PYTHONDONTWRITEBYTECODE: "1",
  };
  await succeed(at(".tools/python/bin/python"), ["-c", BUILD, output], { cwd: folder, env });
  await packAgain(join(output, `mesos_bridge-${version}.tar.gz`), join(scratch, "sdist"));
}

/** setuptools writes the time and the user of now into a source distribution. */
async function packAgain(file, folder) {
  await mkdir(folder, { recursive: true });
  await extract({ file, cwd: folder });
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  rmSync(file);
  await create({ file, cwd: folder, gzip: true, portable: true, mtime: RELEASE_TIME, noDirRecurse: true }, paths);
}
