import { acknowledgements } from "./acknowledgements.js";
import { relay } from "./relay.js";

const name = process.argv[2];
if (name === undefined || name === "relay") {
  for (const bytes of [300, 4096]) {
    const figures = await relay(bytes, bytes > 1000 ? 12_000 : 50_000, 5);
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  }
}
if (name === undefined || name === "acknowledgements") {
  process.stdout.write(`${JSON.stringify(await acknowledgements(50_000, 5))}\n`);
}
