// What a model's link fails with on purpose. Any other error is a mistake, in the code or in the simulation of it.
export class Outage extends Error {}
