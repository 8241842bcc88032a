// Builds {{name}}.wasm. Needs Node.js 20; fetches the compiler into node_modules/ the first time.
import { execSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

if (Number(process.versions.node.split(".")[0]) < 20) {
  console.error(`Node.js 20 or later is needed, and this is ${process.version}`);
  process.exit(1);
}
process.chdir(import.meta.dirname);
if (!existsSync("node_modules/.package-lock.json")) {
  // Not `npm ci`: it insists on packages for other systems, which some registries do not have.
  execSync("npm install --no-audit --no-fund", { stdio: "inherit" });
}
const { componentize } = await import("@bytecodealliance/componentize-js");
const { component } = await componentize({
  sourcePath: "plugin.js",
  witPath: "wit",
  worldName: "bindings",
  // No WASI: what the host offers stands in wit/.
  disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
});
writeFileSync("{{name}}.wasm", component);
console.log(`{{name}}.wasm: ${component.length} bytes`);
