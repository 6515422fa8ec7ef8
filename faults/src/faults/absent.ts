// The faults of the matrix that the lab does not make, each with the reason: they stand on the page beside the others.

export type AbsentFault = Readonly<{ id: `F${number}`; name: string; why: string }>;

export const ABSENT: readonly AbsentFault[] = [
  {
    id: "F27",
    name: "primary and standby lost",
    why: "needs an archive of the write-ahead log on another machine, which the lab's one machine cannot stand for.",
  },
  {
    id: "F33",
    name: "names that do not resolve",
    why:
      "the lab gives addresses and no names: who listens on loopback needs no name server. Addresses that moved are there " +
      "with every failover.",
  },
  {
    id: "F40",
    name: "monitoring away",
    why: "nothing of a decision waits for it: instances are asked for their metrics and tell nobody by themselves.",
  },
  {
    id: "F41",
    name: "secret manager away",
    why: "secrets come as variables and files; who puts them there is not part of the topology that the lab starts.",
  },
];
