import { type ChannelCredentials, type Client, credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { type Deadline, eventually } from "./eventually.js";

/** Asks `grpc.health.v1` of the bridge at `address`; without a service for all of it. */
export async function health(
  address: string,
  service = "",
  channel: ChannelCredentials = credentials.createInsecure(),
): Promise<string> {
  const HealthClient = makeGenericClientConstructor(healthService, "grpc.health.v1.Health");
  const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_http_proxy": 0 };
  const client = new HealthClient(address, channel, options);
  try {
    return await new Promise((resolve, reject) => {
      const check = (client as Client & Record<string, (...args: unknown[]) => void>).check;
      check?.call(
        client,
        { service },
        { deadline: Date.now() + 5_000 },
        (error: Error | null, response: { status: string }) => {
          if (error) reject(error);
          else resolve(response.status);
        },
      );
    });
  } finally {
    client.close();
  }
}

/** Waits until health is `status`. */
export async function healthIs(
  address: string,
  status: "SERVING" | "NOT_SERVING",
  deadline: Deadline = {},
): Promise<void> {
  await eventually(async () => (await health(address)) === status, { what: status, ...deadline });
}
