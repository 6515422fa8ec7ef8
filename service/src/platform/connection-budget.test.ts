import { expect, test } from "vitest";
import { type BudgetQuestion, DATABASE_TOTALS, deriveBudget } from "./connection-budget.ts";

/** What the environments' PostgreSQL is run with at most. */
const MAX_CONNECTIONS = 500;
const LISTENING = 1;

const PROD: BudgetQuestion = {
  total: null,
  mostTotal: DATABASE_TOTALS.prod.most,
  maxReplicas: DATABASE_TOTALS.prod.replicas,
  workers: "auto",
  cores: 4,
  redisNodes: 3,
};

test("where nothing is set, a pool is twice the cores that its worker has", () => {
  const shapes = [
    { profile: "dev", cores: 2 },
    { profile: "dev", cores: 8 },
    { profile: "stage", cores: 2 },
    { profile: "stage", cores: 4 },
    { profile: "prod", cores: 2 },
    { profile: "prod", cores: 4 },
  ] as const;
  for (const { profile, cores } of shapes) {
    const { most: mostTotal, replicas: maxReplicas } = DATABASE_TOTALS[profile];
    const { workers, poolSize, perInstance } = deriveBudget({ ...PROD, mostTotal, maxReplicas, cores });
    expect({ profile, cores, workers, pools: workers * poolSize, perInstance }).toEqual({
      profile,
      cores,
      workers: cores,
      pools: 2 * cores,
      perInstance: 3 * cores,
    });
  }
  expect(deriveBudget({ ...PROD, workers: 1, cores: 2 })).toMatchObject({ poolSize: 4, perInstance: 5 });
});

test("a total that is set is divided by instances, then workers, and each worker's listening connection comes off", () => {
  expect(deriveBudget({ ...PROD, total: 100, maxReplicas: 5, workers: 4 })).toEqual({
    workers: 4,
    idleCores: 0,
    poolSize: 4,
    perInstance: 20,
    // Five instances, with 16 more while all rebuild their pools and 1 for the look at the schema; and 20 for others.
    serverNeeds: 5 * (20 + 16 + 1) + 20,
    worksOut: true,
  });
});

test("more cores than the connections are enough for stay without a worker, and are told", () => {
  expect(deriveBudget({ ...PROD, cores: 64 })).toMatchObject({ workers: 4, idleCores: 60, poolSize: 2 });
  expect(deriveBudget({ ...PROD, mostTotal: 10_000, cores: 64, redisNodes: 30 })).toMatchObject({ workers: 10 });
});

test("a division that leaves a worker too little does not work out", () => {
  expect(deriveBudget({ ...PROD, total: 80, maxReplicas: 26, workers: 1 }).worksOut).toBe(true);
  expect(deriveBudget({ ...PROD, total: 80, maxReplicas: 27, workers: 1 }).worksOut).toBe(false);
  expect(deriveBudget({ ...PROD, workers: 5 }).worksOut).toBe(false);
});

test("in every environment, whatever is set, the sum stays within the total and the server's connections", () => {
  const fits = (question: BudgetQuestion) => {
    const { total, mostTotal, maxReplicas, redisNodes } = question;
    const { workers, poolSize, perInstance, serverNeeds } = deriveBudget(question);
    return (
      perInstance === workers * (poolSize + LISTENING) &&
      maxReplicas * perInstance <= (total ?? mostTotal) &&
      serverNeeds <= MAX_CONNECTIONS &&
      workers * redisNodes <= 300
    );
  };
  const workingOut = [...everyQuestion()].filter((question) => deriveBudget(question).worksOut);
  expect(workingOut.length).toBeGreaterThan(5_000);
  expect(workingOut.filter((question) => !fits(question))).toEqual([]);
});

function* everyQuestion(): Generator<BudgetQuestion> {
  for (const { least, most } of Object.values(DATABASE_TOTALS)) {
    const totals = [null, ...Array.from({ length: most - least + 1 }, (_, index) => least + index)];
    for (const total of totals) {
      for (let maxReplicas = 1; maxReplicas <= 40; maxReplicas += 1) {
        for (const workers of ["auto", 1, 2, 3, 4, 8, 16] as const) {
          for (const cores of [1, 4, 64]) {
            yield { total, mostTotal: most, maxReplicas, workers, cores, redisNodes: 6 };
          }
        }
      }
    }
  }
}
