// Replays recordings in the simulator as wasm. Usage: node replay.mjs DIST CASES OUT, where CASES is a JSON file
// [{"facts": …, "recording": …}, …]; OUT becomes a JSON array of timelines, each as the text that wasm gave.
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [dist, casesFile, outFile] = process.argv.slice(2);
const glassbox = await import(pathToFileURL(resolve(join(dist, "glassbox_web.js"))));
glassbox.initSync({ module: await readFile(join(dist, "glassbox_web_bg.wasm")) });
const cases = JSON.parse(await readFile(casesFile, "utf8"));
const timelines = cases.map(({ facts, recording }) => glassbox.replay(JSON.stringify(facts), JSON.stringify(recording)));
await writeFile(outFile, JSON.stringify(timelines));
console.log(`${timelines.length} recordings replayed`);
