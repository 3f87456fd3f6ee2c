import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { createDisplay, LAUNCHED } from "../../../clients/typescript/invert/display.js";
import type { ImageRecord } from "../../../clients/typescript/invert/image.js";

function image(id: string): ImageRecord {
  const task = { id, agentId: "g1", host: "a.example", executorId: "e1", launchTimeMs: 0, origin: "" };
  const result = { resultName: `${id}.png`, token: "", launches: 1, losses: 0, task };
  return { id, key: id, kind: "file", name: `${id}.png`, state: "launched", ...result };
}

/** A terminal that notes what is written to it. */
function terminal(): { stream: NodeJS.WriteStream; lastLine: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 200, rows: 24 });
  let all = "";
  stream.on("data", (bytes: Buffer) => {
    all += bytes;
  });
  const lastLine = () => all.slice(all.lastIndexOf("0/3"));
  return { stream: stream as unknown as NodeJS.WriteStream, lastLine };
}

it("the progress bar says what is staged and what runs", () => {
  const { stream, lastLine } = terminal();
  const display = createDisplay(3, 0, stream);
  try {
    for (const id of ["a", "b", "c"]) display.stage(image(id), LAUNCHED, 0);
    display.note("redraw");
    expect(lastLine()).toContain("3 staged · 0 running");
    display.stage(image("a"), "inverting", 0.4);
    display.stage(image("b"), "reading", 0);
    display.stage(image("a"), "inverting", 0.6);
    display.note("redraw");
    expect(lastLine()).toContain("1 staged · 2 running: a.png inverting 60%, b.png reading");
    display.again({ ...image("b"), reason: "lost" });
    display.stage(image("c"), "reading", 0);
    display.note("redraw");
    expect(lastLine()).toContain("0/3 2 running: a.png inverting 60%, c.png reading");
  } finally {
    display.close();
  }
});
