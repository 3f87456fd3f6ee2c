import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { collectInputs } from "../../../clients/typescript/invert/inputs.js";
import { ResultNames, withExtension } from "../../../clients/typescript/invert/resultNames.js";
import { UsageError } from "../../../clients/typescript/library/program.js";

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "inputs-")));
  for (const name of ["b.JPG", "a.png", "README.md", ".hidden.png", "noextension"]) file(name);
  mkdirSync(join(folder, "deep/.cache"), { recursive: true });
  file("deep/c.webp");
  file("deep/.cache/d.png");
  mkdirSync(join(folder, "empty"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content = name): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const collect = (named: string[], more: { list?: string; recursive?: boolean; output?: string } = {}) =>
  collectInputs(named, { recursive: false, output: join(folder, "out"), ...more });
const keys = async (...args: Parameters<typeof collect>) => (await collect(...args)).inputs.map(({ key }) => key);

describe("inputs", () => {
  it("of a folder are its images by extension, sorted, without hidden ones", async () => {
    expect(await keys([folder])).toEqual([join(folder, "a.png"), join(folder, "b.JPG")]);
    expect(await keys([folder], { recursive: true })).toEqual([
      join(folder, "a.png"),
      join(folder, "b.JPG"),
      join(folder, "deep/c.webp"),
    ]);
  });

  it("come in natural order", async () => {
    const names = ["1.png", "2.png", "10.png", "part2-9.png", "part2-10.png", "part11.png"];
    for (const name of names) file(`empty/${name}`);
    expect(await keys([join(folder, "empty")])).toEqual(names.map((name) => join(folder, "empty", name)));
  });

  it("leave out the results in an output folder inside of them", async () => {
    expect(await keys([folder], { recursive: true, output: join(folder, "deep") })).toEqual([
      join(folder, "a.png"),
      join(folder, "b.JPG"),
    ]);
    await expect(collect([folder], { output: folder })).rejects.toThrow("is the output folder");
  });

  it("that are named themselves may have any name", async () => {
    const { inputs } = await collect([join(folder, "noextension")]);
    expect(inputs).toMatchObject([{ kind: "file", name: "noextension", size: 11 }]);
  });

  it("named more than once, also through a link, count once", async () => {
    symlinkSync(join(folder, "a.png"), join(folder, "link.png"));
    const { inputs, duplicates } = await collect([
      join(folder, "a.png"),
      folder,
      join(folder, "link.png"),
      "http://host/x.png#one",
      "http://HOST/x.png",
    ]);
    expect(inputs.map(({ name }) => name)).toEqual(["a.png", "b.JPG", "x.png"]);
    expect(duplicates).toBe(4);
  });

  it("may be URLs, whose last part names them", async () => {
    const { inputs } = await collect(["https://host/a%20b/cat%2Fdog.png?size=1", "http://host"]);
    expect(inputs).toMatchObject([
      { kind: "url", key: "https://host/a%20b/cat%2Fdog.png?size=1", name: "cat/dog.png" },
      { kind: "url", key: "http://host/", name: "host" },
    ]);
  });

  it("with one name are told apart by the folders before it", async () => {
    mkdirSync(join(folder, "deep", "deep"), { recursive: true });
    file("deep/a.png", "one");
    file("deep/deep/a.png", "two");
    const urls = ["http://one/cats/b.JPG?token=s3cret", "http://two/cats/b.JPG", "http://host/only.png"];
    const { inputs } = await collect([folder, ...urls], { recursive: true });
    const labels = new Map(inputs.map(({ key, label }) => [key.replace(folder, ""), label]));
    expect(labels.get("/a.png")).toBe(`${basename(folder)}/a.png`);
    expect(labels.get("/deep/a.png")).toBe(`${basename(folder)}/deep/a.png`);
    expect(labels.get("/deep/deep/a.png")).toBe("deep/deep/a.png");
    expect(labels.get("http://one/cats/b.JPG?token=s3cret")).toBe("one/cats/b.JPG");
    expect(labels.get("http://two/cats/b.JPG")).toBe("two/cats/b.JPG");
    expect(labels.get("http://host/only.png")).toBe("only.png");
    expect(new Set(labels.values()).size).toBe(inputs.length);
  });

  it("come from a list without its blank lines and comments", async () => {
    const list = file("list.txt", `\uFEFF# images\r\n\r\n  ${folder}/a.png  \r\n#${folder}/b.JPG\nhttp://host/x.png`);
    expect(await keys([], { list })).toEqual([join(folder, "a.png"), "http://host/x.png"]);
  });

  it.each([
    ["nothing", () => collect([]), "name at least one image"],
    ["a missing file", () => collect([join(folder, "none.png")]), "there is no such file or folder"],
    ["an empty folder", () => collect([join(folder, "empty")]), "holds no image"],
    ["a missing list", () => collect([], { list: join(folder, "none") }), "can't be read: there is no such file"],
    ["a list that is a folder", () => collect([], { list: folder }), "can't be read: it is a folder"],
    ["an empty list", () => collect([], { list: file("e.txt", "# nothing\n\n") }), "names no image"],
    ["a URL of another kind", () => collect(["ftp://host/x.png"]), "must begin with http:// or https://"],
    ["a URL without a host", () => collect(["http://"]), "its host or its port is missing or wrong"],
    [
      "a URL with a port that is none",
      () => collect(["http://h:99999/a.png"]),
      "its host or its port is missing or wrong",
    ],
    ["a device", () => collect(["/dev/null"]), "neither a file nor a folder"],
  ])("that are %s end with one clear line", async (_, run, text) => {
    const error = await run().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(text);
    expect((error as Error).message).not.toContain("\n");
  });
});

describe("inputs of which one can't be used", () => {
  const rest = ["a.png", "b.JPG"];

  /** What is left of the folder, and what was said about the rest. */
  async function collected(...named: string[]): Promise<{ names: string[]; said: string[] }> {
    const { inputs, unusable } = await collect(named.length === 0 ? [folder] : named, { recursive: true });
    const said = unusable.map(({ name, problem }) => `${name.replace(folder, "FOLDER")} ${problem}`);
    return { names: inputs.map(({ name }) => name).filter((name) => name !== "c.webp"), said };
  }

  function rawFile(parent: string, name: Buffer): void {
    writeFileSync(Buffer.concat([Buffer.from(`${parent}/`), name]), "x");
  }

  it("are the others, when a link leads nowhere", async () => {
    symlinkSync(join(folder, "nowhere"), join(folder, "x.png"));
    symlinkSync(join(folder, "nowhere"), join(folder, "README.link"));
    expect(await collected()).toEqual({
      names: rest,
      said: ["FOLDER/x.png can't be read: there is no such file or folder"],
    });
  });

  it("are the others, when links go round in a circle", async () => {
    symlinkSync(join(folder, "y.png"), join(folder, "x.png"));
    symlinkSync(join(folder, "x.png"), join(folder, "y.png"));
    symlinkSync(folder, join(folder, "deep/again"));
    const round = "can't be read: its symbolic links go round in a circle";
    expect(await collected()).toEqual({ names: rest, said: [`FOLDER/x.png ${round}`, `FOLDER/y.png ${round}`] });
  });

  it("are the others, when a name is not UTF-8, of a file, a folder or what a link leads to", async () => {
    rawFile(folder, Buffer.from("caf\xe9.png", "latin1"));
    rawFile(folder, Buffer.from("no image: \xe9", "latin1"));
    mkdirSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from("f\xfcr", "latin1")]));
    symlinkSync(Buffer.from("caf\xe9.png", "latin1"), join(folder, "link.png"));
    const { names, said } = await collected();
    expect(names).toEqual(rest);
    expect(said.sort()).toEqual([
      "FOLDER/caf\\xe9.png can't be used: its name is not UTF-8",
      "FOLDER/f\\xfcr can't be used: its name is not UTF-8",
      `FOLDER/link.png leads to ${folder}/caf\\xe9.png, which can't be used: its name is not UTF-8`,
    ]);
  });

  it("are the others, when a file is a pipe or a link leads to a device or a folder", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.png")]);
    symlinkSync("/dev/zero", join(folder, "device.png"));
    symlinkSync(join(folder, "deep"), join(folder, "folder.png"));
    expect(await collected()).toEqual({
      names: rest,
      said: [
        "FOLDER/device.png is neither a file nor a folder",
        "FOLDER/folder.png leads to a folder, and such links are not followed",
        "FOLDER/pipe.png is neither a file nor a folder",
      ],
    });
  });

  it("are the others, when a file or a folder may not be read", async () => {
    mkdirSync(join(folder, "locked"));
    chmodSync(folder, 0o755);
    chmodSync(file("x.png"), 0);
    chmodSync(join(folder, "locked"), 0);
    // To root nothing is locked.
    const root = process.getuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    try {
      expect(await collected()).toEqual({
        names: rest,
        said: ["FOLDER/x.png can't be read: permission denied", "FOLDER/locked can't be read: permission denied"],
      });
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(join(folder, "locked"), 0o700);
    }
  });

  it("are the others, when an argument or a line of the list can't be used", async () => {
    const named = ["none.png", "ftp://host/x.png", join(folder, "empty"), join(folder, "a.png"), "caf\uFFFD.png"];
    const { names, said } = await collected(...named);
    expect(names).toEqual(["a.png"]);
    expect(said).toEqual([
      "none.png can't be read: there is no such file or folder",
      "ftp://host/x.png is not a URL that can be fetched: it must begin with http:// or https://",
      expect.stringContaining("FOLDER/empty holds no image"),
      "caf\uFFFD.png can't be read: there is no such file or folder, or its name is not UTF-8",
    ]);
  });

  it("don't tell the secrets of a URL", async () => {
    const named = ["ftp://me:secret@host/x.png?key=secret", "http://me:secret@host:port/", join(folder, "a.png")];
    const { said } = await collected(...named);
    expect(said.join()).not.toContain("secret");
    expect(said).toEqual([
      expect.stringMatching(/^ftp:\/\/host\/x\.png\?… is not a URL that can be fetched/),
      expect.stringMatching(/^http:\/\/host:port\/ is not a URL that can be fetched/),
    ]);
  });

  it("are none: then one line tells the first few", async () => {
    const names = Array.from({ length: 8 }, (_, i) => `none-${i}.png`);
    const error = (await collect(names).catch((cause: unknown) => cause)) as Error;
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/^none-0\.png can't be read: .*none-4\.png .*; and 3 more can't be used$/);
  });
});

describe("names of results", () => {
  it("are <name>-inverted.<ext>, and never the same, whatever the case", () => {
    const names = new ResultNames(["taken-inverted.png"]);
    expect(["a.png", "A.PNG", "a.jpg", "a.png", "taken.png"].map((name) => names.choose(name))).toEqual([
      "a-inverted.png",
      "A-inverted-2.PNG",
      "a-inverted.jpg",
      "a-inverted-3.png",
      "taken-inverted-2.png",
    ]);
  });

  it("wait for the content where the input has no extension of an image", () => {
    const names = new ResultNames([]);
    const chosen = names.choose("photo.php");
    expect(chosen).toBe("photo.php-inverted");
    // Whatever the content will be, nobody else gets that name.
    expect(names.choose("photo.php.png")).toBe("photo.php-inverted-2.png");
    expect(withExtension(chosen, Buffer.from([0xff, 0xd8, 0xff, 0xe0]))).toBe("photo.php-inverted.jpg");
    expect(withExtension(chosen, Buffer.from("RIFF\0\0\0\0WEBPVP8 "))).toBe("photo.php-inverted.webp");
    expect(withExtension(chosen, Buffer.from("?"))).toBe("photo.php-inverted");
    expect(withExtension("a-inverted.png", Buffer.from([0xff, 0xd8, 0xff]))).toBe("a-inverted.png");
  });

  it("hold nothing that leads out of the folder, or that a file system refuses", () => {
    const names = new ResultNames([]);
    for (const name of [
      "../../etc/passwd",
      "..",
      "/abs.png",
      "a\\b:c*.png",
      "nul\0l\n.png",
      "\u202Egnp.exe",
      ".hidden",
    ]) {
      const chosen = names.choose(name);
      expect(chosen).not.toMatch(/[/\\:*?"<>|\p{Cc}\p{Cf}]|^\./u);
    }
    const long = names.choose(`${"ä".repeat(300)}.png`);
    expect(Buffer.byteLength(long)).toBeLessThan(220);
    expect(long).toMatch(/ä-inverted\.png$/);
    expect(new ResultNames([]).choose("")).toBe("image-inverted");
  });
});
