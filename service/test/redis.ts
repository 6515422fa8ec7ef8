// What tests import to get a real Redis: one server, or a cluster of six.
export { type RedisCluster, startCluster } from "./redis-cluster.ts";
export { type RedisNode, type RedisReply, startRedis } from "./redis-node.ts";
