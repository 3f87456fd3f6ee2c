import type { Check } from "./check.js";
import { dataDirectory, diskSpace, owner, records } from "./dataDirectory.js";
import { descriptors, proxies } from "./environment.js";
import {
  admissionRules,
  auditFile,
  clientFiles,
  credentialFiles,
  issuerKeys,
  masterTlsFiles,
  zookeeperTlsFiles,
} from "./files.js";
import { listenAddresses } from "./listenAddresses.js";
import { clock, credentials, leader, mesos, principals, roles } from "./masters.js";
import { masterName, masterPort, masterTls } from "./network.js";
import { leaderNodeCheck, zookeeper, zookeeperPath } from "./zookeeper.js";

/** All checks, causes before their effects. */
export const CHECKS: readonly Check[] = [
  dataDirectory,
  diskSpace,
  owner,
  records,
  descriptors,
  proxies,
  clientFiles,
  issuerKeys,
  auditFile,
  admissionRules,
  credentialFiles,
  masterTlsFiles,
  zookeeperTlsFiles,
  listenAddresses,
  zookeeper,
  zookeeperPath,
  leaderNodeCheck,
  masterName,
  masterPort,
  masterTls,
  mesos,
  clock,
  credentials,
  leader,
  principals,
  roles,
];
