import { SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { IssuerKeys } from "../../../server/access/issuerKeys.js";
import { JwtVerifier } from "../../../server/access/jwtVerifier.js";
import { FileKeys, type KeySource, keySetFrom } from "../../../server/access/keySet.js";
import { tokenHash } from "../../../server/access/tokenList.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { AUDIENCE, FakeIssuer, ISSUER, type IssuerKey, makeKey, sign } from "../../support/tokenIssuer.js";
import { VirtualClock } from "../../support/virtualClock.js";

let first: IssuerKey;
let second: IssuerKey;
let cleanup: Cleanup;
let clock: VirtualClock;
let lines: string[];

beforeAll(async () => {
  [first, second] = [await makeKey("first"), await makeKey("second")];
});

beforeEach(() => {
  cleanup = new Cleanup();
  clock = new VirtualClock();
  lines = [];
});

afterEach(() => cleanup.run());

const note = (_: object, message: string) => {
  lines.push(message);
};
const log = { debug: note, info: note, warn: note, error: note };

const keySet = (...keys: IssuerKey[]) => keySetFrom(JSON.stringify({ keys: keys.map((key) => key.public) }));
const verifier = (keys: KeySource) => new JwtVerifier({ keys, issuer: ISSUER, audience: AUDIENCE, clock });
const fromFile = (...keys: IssuerKey[]) => verifier(new FileKeys({ value: keySet(...keys) }));
const now = () => clock.wallTime();
const seconds = () => Math.floor(now() / 1000);

const check = async (by: JwtVerifier, token: string) => by.identify(token, tokenHash(token));

const ALICE = { kind: "jwt", names: ["jwt:alice"] };
const refused = (message: RegExp) =>
  expect.objectContaining({ reason: "UNAUTHENTICATED", message: expect.stringMatching(message) });

test("a token of the issuer names its subject", async () => {
  expect(await check(fromFile(first), await sign(first, {}, now()))).toEqual(ALICE);
});

test("a token that was verified is known at once, until it ends", async () => {
  const by = fromFile(first);
  const token = await sign(first, { exp: seconds() + 60 }, now());
  await check(by, token);
  expect(by.identify(token, tokenHash(token))).toEqual(ALICE);
  await clock.advance(89_000);
  expect(by.identify(token, tokenHash(token))).toEqual(ALICE);
  await clock.advance(2_000);
  await expect(check(by, token)).rejects.toEqual(refused(/^the token has expired: get a new one$/));
});

describe("a token is refused in words", () => {
  test.each([
    ["of another issuer", { iss: "https://other.example" }, /another issuer \('iss'\)$/],
    ["for another audience", { aud: "other" }, /another audience \('aud'\)$/],
    ["without a subject", { sub: "" }, /'sub' is missing or too long$/],
    ["without its time", { exp: undefined }, /'exp' is missing or wrong$/],
  ])("%s", async (_, claims, words) => {
    const token = await sign(first, claims as object, now());
    await expect(check(fromFile(first), token)).rejects.toEqual(refused(words));
  });

  test("30 seconds are allowed for clocks that differ", async () => {
    const by = fromFile(first);
    expect(await check(by, await sign(first, { exp: seconds() - 28 }))).toEqual(ALICE);
    expect(await check(by, await sign(first, { exp: seconds() + 60, nbf: seconds() + 28 }))).toEqual(ALICE);
    await expect(check(by, await sign(first, { exp: seconds() - 32 }))).rejects.toEqual(refused(/has expired/));
    const early = await sign(first, { exp: seconds() + 90, nbf: seconds() + 33 });
    await expect(check(by, early)).rejects.toEqual(refused(/not valid yet/));
  });

  test("with a key that is not the issuer's", async () => {
    await expect(check(fromFile(first), await sign(second, {}, now()))).rejects.toEqual(refused(/does not have/));
    const forged = await sign({ ...second, kid: "first" }, {}, now());
    await expect(check(fromFile(first), forged)).rejects.toEqual(refused(/signature is not valid$/));
  });

  test("without a signature, or signed with what is public", async () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { sub: "alice", iss: ISSUER, aud: AUDIENCE, exp: seconds() + 60 };
    for (const alg of ["none", "None", "nOnE"]) {
      const token = `${encode({ alg })}.${encode(claims)}.`;
      await expect(check(fromFile(first), token)).rejects.toEqual(refused(/algorithm is not allowed$/));
    }
    for (const secret of [JSON.stringify(first.public), String(first.public.x)]) {
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", kid: "first" })
        .sign(Buffer.from(secret.padEnd(32, "x")));
      await expect(check(fromFile(first), token)).rejects.toEqual(refused(/algorithm is not allowed$/));
    }
  });

  test.each(["a.b.c", "..", "eyJhbGciOiJFUzI1NiJ9.x.y"])("that is none: %s", async (token) => {
    await expect(check(fromFile(first), token)).rejects.toEqual(refused(/^the token/));
  });
});

describe("a set of keys", () => {
  test.each([
    ["nothing", "", "is empty: it must hold a JSON Web Key Set"],
    ["no JSON", "x", "is not JSON"],
    ["no set", "{}", "it has no array 'keys'"],
    ["no key", '{"keys":[]}', "holds no public key"],
    ["a symmetric key", '{"keys":[{"kty":"oct","k":"AAAA"}]}', "holds a private or symmetric key"],
    ["a private key", '{"keys":[{"kty":"EC","d":"AAAA"}]}', "holds a private or symmetric key"],
    ["too many", JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: "EC" })) }), "more than 100 keys"],
  ])("is refused: %s", (_, text, words) => {
    expect(() => keySetFrom(text)).toThrow(words);
  });
});

describe("an issuer", () => {
  let issuer: FakeIssuer;

  beforeEach(async () => {
    issuer = cleanup.use(await FakeIssuer.start([first]));
  });

  const fromUrl = (url = issuer.url): JwtVerifier => {
    const keys = new IssuerKeys(url, clock, log);
    cleanup.defer(() => keys.close());
    return verifier(keys);
  };

  test("that uses a new key is asked for it, within seconds", async () => {
    const by = fromUrl();
    expect(await check(by, await sign(first, {}, now()))).toEqual(ALICE);
    issuer.keys = [first, second];
    const token = await sign(second, {}, now());
    await expect(check(by, token)).rejects.toEqual(refused(/get a new one/));
    await clock.advance(4_000);
    expect(await check(by, token)).toEqual(ALICE);
  });

  test("is not asked more often than every three seconds, whatever tokens come", async () => {
    const by = fromUrl();
    await check(by, await sign(first, {}, now()));
    await clock.advance(4_000);
    const asked = issuer.asked;
    for (let i = 0; i < 10; i++) {
      await expect(check(by, await sign(second, { sub: `${i}` }, now()))).rejects.toEqual(refused(/./));
    }
    expect(issuer.asked).toBe(asked + 1);
  });

  test("that withdraws a key is believed within a minute, also of tokens that were verified", async () => {
    const by = fromUrl();
    const token = await sign(first, {}, now());
    await check(by, token);
    issuer.keys = [second];
    const asked = issuer.asked;
    await clock.advance(21_000);
    await eventually(() => issuer.asked > asked && lines.filter((line) => line.includes("has new keys")).length === 2);
    await expect(check(by, token)).rejects.toEqual(refused(/get a new one/));
  });

  test("that is down is not the client's fault, and the keys that were read count for less than a minute", async () => {
    const by = fromUrl();
    const token = await sign(first, { exp: seconds() + 600 }, now());
    await check(by, token);
    const unavailable = expect.objectContaining({ reason: "ISSUER_UNAVAILABLE", retryable: true });
    issuer.status = 500;
    await clock.advance(30_000);
    expect(await check(by, token)).toEqual(ALICE);
    await expect(check(by, await sign(second, {}, now()))).rejects.toEqual(unavailable);
    await clock.advance(25_000);
    await expect(check(by, token)).rejects.toEqual(unavailable);
    issuer.status = 200;
    await clock.advance(5_000);
    await eventually(async () => expect(await check(by, token)).toEqual(ALICE));
    expect(lines.filter((line) => line.includes("can't be read"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("can be read again"))).toHaveLength(1);
  });

  test("that was never there", async () => {
    const { url } = issuer;
    await issuer.stop();
    const by = fromUrl(url);
    const token = await sign(first, {}, now());
    await expect(check(by, token)).rejects.toEqual(expect.objectContaining({ reason: "ISSUER_UNAVAILABLE" }));
  });
});
