// The protos as an archive, which is a module of buf too.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "tar";
import { at, filesUnder } from "../lib.mjs";
import { RELEASE_TIME, stage } from "./stage.mjs";

/** Builds `protos-VERSION.tar.gz`. */
export async function buildProtos({ output, version, scratch }) {
  const name = `protos-${version}`;
  const protos = filesUnder("proto", (each) => each.endsWith(".proto"));
  const files = protos.map((file) => [file, file.slice("proto/".length)]);
  for (const file of ["LICENSE", "NOTICE", "buf.yaml"]) files.push([file, file]);
  for (const [file, to] of files) stage(file, join(scratch, name, to));
  // The folder that holds this file is the module.
  const settings = readFileSync(at("buf.yaml"), "utf8");
  writeFileSync(
    join(scratch, name, "buf.yaml"),
    settings.replace("path: proto\n", "path: .\n").replaceAll("- proto/", "- "),
  );
  const packed = {
    file: join(output, `${name}.tar.gz`),
    cwd: scratch,
    gzip: true,
    portable: true,
    mtime: RELEASE_TIME,
  };
  const paths = files.map(([, to]) => `${name}/${to}`).sort();
  await create({ ...packed, noDirRecurse: true }, paths);
}
