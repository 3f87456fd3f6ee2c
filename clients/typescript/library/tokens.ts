import { ClientError, type ClientMiddleware, Metadata, Status } from "nice-grpc";
import { errorText } from "../../../wire/errorText.js";
import { checkToken, type Token } from "./access.js";

/** How the error begins if there was no token to send. */
const NO_TOKEN = "no token to send:";

/** Sends a token with each stream and each call. */
export function tokenMiddleware(token: Token): ClientMiddleware {
  return async function* withToken(call, options) {
    const metadata = Metadata(options.metadata);
    metadata.set("authorization", `Bearer ${await tokenOf(token, call.method.path, options.signal)}`);
    return yield* call.next(call.request, { ...options, metadata });
  };
}

/** @throws ClientError UNAVAILABLE when there is none: the next one may do */
async function tokenOf(token: Token, path: string, signal: AbortSignal | undefined): Promise<string> {
  if (typeof token === "string") return token;
  try {
    return checkToken(await unlessAborted(token(), signal));
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ClientError(path, Status.UNAVAILABLE, `${NO_TOKEN} ${errorText(error)}`);
  }
}

/** What a promise gives. A function that gives no token in time must not hold up what has been aborted. */
async function unlessAborted<T>(value: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await value;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(Object.assign(new Error("cancelled"), { name: "AbortError" }));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([value, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
