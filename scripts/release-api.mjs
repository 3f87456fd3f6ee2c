// Makes the image of our API that `npm run check` compares with. Run it when a release is made: what is in the
// image is promised to users.
import { at, node } from "./lib.mjs";

const image = "test/fixtures/mesosbridge.binpb";
const args = ["build", "--path", "proto/mesosbridge", "--exclude-source-info", "-o", image];
const { status } = await node([at("node_modules/@bufbuild/buf/bin/buf"), ...args]);
process.exitCode = status;
if (status === 0) console.log(`${image} holds the API as it is now: commit it with the release`);
