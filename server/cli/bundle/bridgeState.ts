import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { taskStateToJSON } from "../../../gen/mesos/v1/mesos.js";
import { ListAttachmentsRequest, ListAttachmentsResponse } from "../../../gen/mesosbridge/v1/admin.js";
import {
  Framework,
  ListFrameworksRequest,
  ListFrameworksResponse,
  ListOffersRequest,
  ListOffersResponse,
  ListTasksRequest,
  ListTasksResponse,
} from "../../../gen/mesosbridge/v1/observer.js";
import { readText } from "../values.js";

/** How a running bridge is reached. */
export interface BridgeOptions {
  readonly bridge: string;
  readonly bridgeCa?: string | undefined;
  readonly bridgeCert?: string | undefined;
  readonly bridgeKey?: string | undefined;
  readonly bridgeTokenFile?: string | undefined;
}

const OBSERVER = "ObserverService";
const CALL_MS = 5_000;
const PAGE_SIZE = 1_000;
/** Of each list, so much is kept. */
const MAX_PAGES = 10;
const THIS_MACHINE = /^(unix:|localhost:|127\.|\[::1\])/;

interface PageWanted {
  readonly pageSize: number;
  readonly pageToken: string;
}

/** The message that asks for a page of a list. */
interface PagedRequest<M> {
  fromPartial(page: PageWanted): M;
  encode(message: M): { finish(): Uint8Array };
}

type Decode<T> = (bytes: Buffer) => Page<T>;

interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string;
}

/** @throws Error with one line if the options do not fit together */
export function checkBridgeOptions(options: BridgeOptions): void {
  const { bridge, bridgeCa, bridgeCert, bridgeKey, bridgeTokenFile } = options;
  if ((bridgeCert === undefined) !== (bridgeKey === undefined))
    throw new Error("--bridge-cert and --bridge-key go together");
  const plain = bridgeCa === undefined && bridgeCert === undefined;
  if (bridgeTokenFile !== undefined && plain && !THIS_MACHINE.test(bridge)) {
    throw new Error("--bridge-token-file: the token would go over the network unencrypted: add --bridge-ca");
  }
}

/** Reads what a bridge shows of its state. Task statuses are left out but for their state: their data is the tasks' own. */
export class BridgeState {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(options: BridgeOptions) {
    const proxies = { "grpc.enable_http_proxy": 0, "grpc.max_receive_message_length": 64 * 1024 * 1024 };
    this.#client = new Client(options.bridge, channelCredentials(options), proxies);
    if (options.bridgeTokenFile === undefined) return;
    this.#metadata.set("authorization", `Bearer ${readText(options.bridgeTokenFile).trim()}`);
  }

  close(): void {
    this.#client.close();
  }

  frameworks(): Promise<unknown[]> {
    return this.#all(`${OBSERVER}/ListFrameworks`, ListFrameworksRequest, (bytes) => {
      const { frameworks, nextPageToken: next } = ListFrameworksResponse.decode(bytes);
      return { rows: frameworks.map((each) => Framework.toJSON(each)), next };
    });
  }

  tasks(): Promise<unknown[]> {
    return this.#all(`${OBSERVER}/ListTasks`, ListTasksRequest, (bytes) => {
      const { tasks, nextPageToken: next } = ListTasksResponse.decode(bytes);
      const rows = tasks.map(({ frameworkName, taskId, agentId, status }) => ({
        framework_name: frameworkName,
        task_id: taskId?.value,
        agent_id: agentId?.value,
        state: status?.state === undefined ? undefined : taskStateToJSON(status.state),
      }));
      return { rows, next };
    });
  }

  offers(): Promise<unknown[]> {
    return this.#all(`${OBSERVER}/ListOffers`, ListOffersRequest, (bytes) => {
      const { offers, nextPageToken: next } = ListOffersResponse.decode(bytes);
      const rows = offers.map(({ frameworkName, offer }) => ({
        framework_name: frameworkName,
        offer_id: offer?.id?.value,
        agent_id: offer?.agentId?.value,
        hostname: offer?.hostname,
      }));
      return { rows, next };
    });
  }

  /** Without their ids, which a client sends with each call. */
  attachments(): Promise<unknown[]> {
    return this.#all("AdminService/ListAttachments", ListAttachmentsRequest, (bytes) => {
      const { attachments, nextPageToken: next } = ListAttachmentsResponse.decode(bytes);
      const rows = attachments.map(({ frameworkName, identity, peer, attachTime }) => ({
        framework_name: frameworkName,
        identity,
        peer,
        attach_time: attachTime,
      }));
      return { rows, next };
    });
  }

  async #all<T, M>(method: string, request: PagedRequest<M>, decode: Decode<T>): Promise<T[]> {
    const pages: (readonly T[])[] = [];
    let pageToken = "";
    do {
      const bytes = request.encode(request.fromPartial({ pageSize: PAGE_SIZE, pageToken })).finish();
      const { rows, next } = await this.#page(method, bytes, decode);
      pages.push(rows);
      pageToken = next;
    } while (pageToken !== "" && pages.length < MAX_PAGES);
    return pages.flat();
  }

  #page<T>(method: string, request: Uint8Array, decode: Decode<T>): Promise<Page<T>> {
    const path = `/mesosbridge.v1.${method}`;
    const options = { deadline: Date.now() + CALL_MS };
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, page?: Page<T>) => {
        if (page) resolve(page);
        else reject(new Error(error?.details ?? "no answer"));
      };
      this.#client.makeUnaryRequest(path, asBuffer, decode, request, this.#metadata, options, done);
    });
  }
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes);

function channelCredentials({ bridgeCa, bridgeCert, bridgeKey }: BridgeOptions): ChannelCredentials {
  if (bridgeCa === undefined && bridgeCert === undefined) return credentials.createInsecure();
  const [ca = null, key = null, cert = null] = [bridgeCa, bridgeKey, bridgeCert].map((path) =>
    path === undefined ? null : Buffer.from(readText(path)),
  );
  return credentials.createSsl(ca, key, cert);
}
