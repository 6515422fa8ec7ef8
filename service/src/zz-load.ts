import { spawn } from "node:child_process";
import { connect } from "node:net";
const body = JSON.stringify({ tenantId: "acme", userId: "u-17", apiPath: "/v1/report/export", httpMethod: "GET", cost: 1, requestId: "01JABCDEF" });
const req = Buffer.from(`POST /internal/rate-limit/check HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Service-Auth: credential-credential-credential-1234\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
async function run(mode: string) {
  const child = spawn(process.execPath, [import.meta.dirname + "/zz-door-bench.ts", mode], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = []; let wake = () => {}; child.stdout.on("data", (c) => { lines.push(...String(c).trim().split("\n")); wake(); });
  const next = async () => { while (lines.length === 0) await new Promise<void>((r) => { wake = r; }); return lines.shift()!; };
  const port = Number(await next());
  const load = (n: number) => new Promise<void>((resolve) => { let left = n, open = 16; for (let i = 0; i < 16; i++) { const s = connect(port, "127.0.0.1", () => s.write(req)); s.on("data", (c) => { if (!c.toString("latin1").includes("200 OK")) throw new Error(c.toString()); left--; if (left > 0) s.write(req); else { s.end(); open--; if (open === 0) resolve(); } }); s.on("close", () => {}); } });
  await load(15000);
  const cpu = async () => { child.kill("SIGUSR2"); const { user, system } = JSON.parse(await next()); return user + system; };
  const out: number[] = [];
  for (let i = 0; i < 3; i++) { const a = await cpu(); await load(15000); out.push((await cpu() - a) / 15000); }
  child.kill("SIGTERM");
  console.log(mode, out.map((v) => v.toFixed(1)).join(" "), "us/request cpu");
  return Math.min(...out);
}
for (let r = 0; r < 2; r++) { const e = await run("echo"), d = await run("door"), c = await run("cred"); console.log("door/echo", (d / e).toFixed(2), "cred/echo", (c / e).toFixed(2)); }
process.exit();
