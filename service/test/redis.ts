// What tests import to get a real Redis: one server, or a cluster of six.
export { type ClusterOptions, type RedisCluster, startCluster } from "./redis-cluster.ts";
export { type RedisNode, type RedisOptions, type RedisReply, startRedis } from "./redis-node.ts";
