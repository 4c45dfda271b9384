// Speed of the simulator as wasm. Usage: node bench.mjs DIST; prints JSON {"steps_per_second", "jump_ms_median", "jump_ms_max",
// "replan_ms_median", "replan_ms_max"}.
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [dist] = process.argv.slice(2);
const glassbox = await import(pathToFileURL(resolve(join(dist, "glassbox_web.js"))));
glassbox.initSync({ module: await readFile(join(dist, "glassbox_web_bg.wasm")) });
const STEPS = 10_000;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
glassbox.run_steps(1_000);
const rates = [];
for (let round = 0; round < 5; round += 1) {
  const start = performance.now();
  const done = glassbox.run_steps(STEPS);
  rates.push(done / ((performance.now() - start) / 1000));
}
const timeline = new glassbox.Timeline(STEPS);
const jumps = [];
for (let at = 0; at < 200; at += 1) {
  const start = performance.now();
  timeline.jump((at * 7919) % STEPS);
  jumps.push(performance.now() - start);
}
const editor = new glassbox.Editor(60);
const replans = [];
for (let at = 0; at < 50; at += 1) {
  const start = performance.now();
  editor.replan(`LABEL edit=${at}`);
  replans.push(performance.now() - start);
}
console.log(
  JSON.stringify({
    steps_per_second: median(rates),
    jump_ms_median: median(jumps),
    jump_ms_max: Math.max(...jumps),
    replan_ms_median: median(replans),
    replan_ms_max: Math.max(...replans),
  }),
);
