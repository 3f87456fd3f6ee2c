import { errorText } from "../../wire/errorText.js";
import { WireError } from "../../wire/proto.js";

/** Decodes a request by its generated codec. What it can't read is the client's mistake. @throws WireError */
export function decodeRequest<T>(type: { decode(bytes: Uint8Array): T }, bytes: Uint8Array): T {
  try {
    return type.decode(bytes);
  } catch (error) {
    throw new WireError(errorText(error));
  }
}
