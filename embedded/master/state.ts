import type { Allocator } from "./allocator.js";
import { InverseOffers } from "./inverseOffers.js";
import { Maintenance } from "./maintenance.js";
import { Offers } from "./offers.js";
import { Quotas } from "./quotas.js";
import { type MasterOptions, MasterRecords } from "./records.js";
import { Weights } from "./weights.js";

/** All that a master knows: its records, and what keeps its offers and what operators decided. */
export class MasterState extends MasterRecords {
  readonly offers: Offers;
  readonly allocator: Allocator;
  readonly inverseOffers: InverseOffers;
  readonly maintenance: Maintenance;
  readonly quotas: Quotas;
  readonly weights: Weights;

  constructor(options: MasterOptions) {
    super(options);
    this.inverseOffers = new InverseOffers(this);
    this.offers = new Offers(this, (agentIds) => this.inverseOffers.generate(agentIds));
    this.allocator = this.offers.allocator;
    this.maintenance = new Maintenance(this, this.offers, this.inverseOffers);
    this.quotas = new Quotas(this.registry, this.allocator, this.recoveredAgents.size);
    this.weights = new Weights(this, this.offers);
  }
}
