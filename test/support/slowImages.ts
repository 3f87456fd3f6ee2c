import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { at } from "./paths.js";

/** A server of images that answers when it is told to, and counts who asked. */
export class SlowImages {
  readonly asked: string[] = [];
  readonly #held: ServerResponse[] = [];
  readonly #image = readFileSync(at("images/rocket.jpg"));
  #open = false;
  readonly #server = createServer((request, response) => {
    this.asked.push(request.url ?? "");
    if (this.#open) response.end(this.#image);
    else this.#held.push(response);
  });

  static async start(): Promise<SlowImages> {
    const images = new SlowImages();
    await new Promise<void>((resolve) => images.#server.listen(0, "127.0.0.1", resolve));
    return images;
  }

  url(name: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  /** Answers those that wait, and from now on everyone at once. */
  open(): void {
    this.#open = true;
    for (const response of this.#held.splice(0)) response.end(this.#image);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
