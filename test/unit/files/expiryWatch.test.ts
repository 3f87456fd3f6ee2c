import type { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { ExpiryWatch } from "../../../server/files/expiryWatch.js";
import { VirtualClock } from "../../support/virtualClock.js";

const START = Date.UTC(2030, 0);
const until = (ms: number) => ({ validTo: new Date(START + ms).toUTCString() }) as X509Certificate;

test("a certificate in use that expires is told once, and the next one again", async () => {
  const clock = new VirtualClock(START);
  const lines: string[] = [];
  const note = (_fields: object, message: string) => lines.push(message);
  const log = { debug: note, info: note, warn: note, error: note };
  let certificate = until(10_000);
  const file = { option: "--tls-cert", path: "/etc/bridge.pem" };
  const watch = new ExpiryWatch({ file, certificate: () => certificate, clock, log });
  await clock.advance(10_000);
  expect(lines).toEqual([]);
  await clock.advance(60_000);
  const told = /^the certificate in \/etc\/bridge\.pem has expired on .* GMT: replace it and its key$/;
  expect(lines).toEqual([expect.stringMatching(told)]);
  certificate = until(100_000);
  await clock.advance(20_000);
  expect(lines).toHaveLength(1);
  await clock.advance(60_000);
  expect(lines).toEqual([expect.stringMatching(told), expect.stringMatching(told)]);
  watch.close();
  expect(clock.timers).toBe(0);
});
