// The page in Chromium: a person types, steps, jumps and reads. Prints a line per check and `N passed, N failed` at the end.
// Usage: node tests/browser/run.mjs [directory of the built page, else dist/]; pictures go to target/browser/.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { readFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(here, "../../dist"));
const pictures = resolve(here, "../../target/browser");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml" };

const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname)).replace(/^\/+$/, "/index.html");
  try {
    const body = await readFile(join(dist, path));
    response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404).end("not found");
  }
});

const checks = [];
const check = (name, run) => checks.push({ name, run });
// With the server of `cargo xtask play`, whose live engine runs containers: as root, where cargo xtask test says which program that is.
const live = (name, run) => checks.push({ name, run, live: true });
const expect = (truth, message) => { if (!truth) throw new Error(message); };

async function type(page, line) {
  await page.fill("#line", line);
  await page.press("#line", "Enter");
}
const screen = (page) => page.textContent("#screen");
const position = async (page) => Number((await page.textContent("#position")).match(/^(\d+) of/)[1]);

check("a command shows what it shows on Linux, and its steps", async (page) => {
  await type(page, "docker run --rm --network none --hostname web toolbox hostname");
  expect((await screen(page)).includes("\nweb\n"), `the screen shows: ${await screen(page)}`);
  expect(await position(page) > 40, "fewer than 40 steps");
});

check("back, forward and jump move through the steps, and the words that caused one are marked", async (page) => {
  await type(page, "docker run --rm --network none --hostname web toolbox hostname");
  const end = await position(page);
  await page.click("#back");
  expect(await position(page) === end - 1, "back did not go back");
  await page.click("#forward");
  expect(await position(page) === end, "forward did not go forward");
  // Rows are drawn around the present place.
  await page.fill("#jump", String(Math.floor(end / 2)));
  const row = page.locator(".steps button", { hasText: "Set the host name to web" });
  await row.click();
  expect((await page.textContent("#headline")).includes("Set the host name to web"), "the explanation is of another step");
  expect((await page.textContent(".command mark")) === "--hostname web", "the flag is not marked");
  await page.fill("#jump", "1");
  expect(await position(page) === 1, "the slider did not jump");
});

check("the keyboard alone suffices", async (page) => {
  await page.focus("#line");
  await page.keyboard.type("docker run --rm --network none toolbox echo from the keyboard");
  await page.keyboard.press("Enter");
  expect((await screen(page)).includes("from the keyboard\n"), "no output");
  const end = await position(page);
  await page.keyboard.press("Alt+ArrowLeft");
  await page.keyboard.press("Alt+ArrowLeft");
  expect(await position(page) === end - 2, "Alt+Left did not go back");
  await page.keyboard.press("Alt+ArrowRight");
  expect(await position(page) === end - 1, "Alt+Right did not go forward");
});

check("an interactive shell takes lines, and ends with exit", async (page) => {
  await type(page, "docker run --rm -it --network none toolbox sh");
  await type(page, "echo $((6 * 7)) > /tmp/answer; cat /tmp/answer");
  expect((await screen(page)).includes("\n42\n"), `the screen shows: ${await screen(page)}`);
  await type(page, "exit 3");
  await type(page, "docker ps -a -q");
  expect((await screen(page)).trimEnd().endsWith("docker ps -a -q"), "a container is left");
});

check("a detached container is in both pictures", async (page) => {
  await type(page, "docker run -d --name box --network none toolbox sleep 1000");
  const processes = await page.textContent("section[aria-label='Process tree']");
  expect(processes.includes("sleep 1000") && processes.includes("1 inside"), `the tree shows: ${processes}`);
  const row = await page.textContent("section[aria-label='Namespaces'] tbody tr:nth-child(2)");
  expect(row.startsWith("box") && row.includes("B"), `the matrix shows: ${row}`);
});

check("stopping at every step waits before each", async (page) => {
  await page.check("#stepping");
  await type(page, "docker run --rm --network none toolbox true");
  const before = await position(page);
  await page.click("#forward");
  expect(await position(page) === before + 1, "forward did not carry out one step");
  await page.click("#run");
  expect(await page.isDisabled("#run"), "run did not come to the end");
});

check("a refusal is Docker's, and says what next", async (page) => {
  await type(page, "docker run --frobnicate toolbox");
  expect((await screen(page)).includes("unknown flag: --frobnicate"), `the screen shows: ${await screen(page)}`);
});

check("the page comes back as it was left", async (page) => {
  await type(page, "docker create --name kept toolbox");
  await page.reload();
  await page.waitForSelector("#line");
  expect((await screen(page)).includes("--name kept"), "the session is lost");
});

check("the steps say whose command they are, and the current one is in view", async (page) => {
  await type(page, "docker run --rm --network none toolbox true");
  await type(page, "docker frobnicate");
  expect((await page.textContent("[aria-label='Explanation of the step']")).includes("turned into no steps"), "the refusal is not told");
  await page.click("#back");
  await page.waitForFunction(() => {
    const [list, row] = [document.querySelector("#steps"), document.querySelector("#steps [aria-current]")].map((one) => one?.getBoundingClientRect());
    return list && row && row.top >= list.top && row.bottom <= list.bottom;
  });
  expect((await page.textContent("#steps")).includes("$ docker run --rm --network none toolbox true"), "no line above the steps");
});

check("a link of the book is carried out, once", async (page) => {
  const lines = ["docker create --name linked toolbox", "docker ps -a"];
  await page.evaluate((hash) => { location.hash = hash; }, `run=${encodeURIComponent(lines.join("\n"))}`);
  await page.waitForFunction(() => document.querySelector("#screen")?.textContent.includes("$ docker ps -a\n"));
  expect((await screen(page)).includes("linked"), `the screen shows: ${await screen(page)}`);
  expect(await page.evaluate(() => location.hash) === "", "the link is still in the address");
  await type(page, "docker rm linked");
  await page.reload();
  await page.waitForSelector("#line");
  expect((await screen(page)).includes("$ docker rm linked"), "what was done since is lost");
});

const foreseen = (page, wanted) => page.waitForFunction(
  (wanted) => [...document.querySelectorAll("#forecast tbody tr .badge")].map((badge) => badge.textContent).join() === wanted, wanted.join());

check("a Dockerfile in the editor tells what a build takes from the cache, and why not", async (page) => {
  await page.click("#example");
  await foreseen(page, ["base", "carried out", "carried out", "carried out", "carried out", "configuration"]);
  await page.click("#build");
  await foreseen(page, ["base", "the cache", "the cache", "the cache", "the cache", "configuration"]);
  await page.locator(".files button", { hasText: "list.txt" }).click();
  await page.fill("#editor", "pear\napple\n");
  await page.click("#line");
  await foreseen(page, ["base", "the cache", "carried out", "carried out", "carried out", "configuration"]);
  const reasons = await page.textContent("#forecast");
  expect(reasons.includes("file list.txt has changed"), `the reason is not told: ${reasons}`);
  expect((await page.textContent("#advice")).startsWith("Line 4 is carried out again because line 3"), "no advice");
  await page.screenshot({ path: join(pictures, "project.png"), fullPage: true });
  const stack = page.locator(".stack", { hasText: "web:latest" });
  expect(await stack.locator("li.shared").count() === 1, "the base's layer is not marked as shared");
  expect((await stack.locator("li").first().textContent()).includes("COPY . ."), "the topmost layer is not the last instruction's");
  await type(page, "docker run --rm --network none web");
  expect((await screen(page)).endsWith("\n3\n"), `the image built before is not run: ${await screen(page)}`);
  await page.locator(".files button", { hasText: "Dockerfile" }).click();
  await page.fill("#editor", "FROM toolbox\nRUNN true\n");
  await page.waitForSelector(".findings li");
  expect((await page.textContent(".findings")).includes("RUNN"), "the fault is not told");
  await page.reload();
  await page.locator(".files button", { hasText: "list.txt" }).click();
  await page.waitForFunction(() => document.querySelector("#editor").value === "pear\napple\n");
});

check("accessible: axe finds nothing", async (page) => {
  await page.click("#example");
  await page.waitForSelector("#forecast");
  await type(page, "docker run --rm --network none toolbox true");
  await page.addScriptTag({ path: join(here, "node_modules/axe-core/axe.min.js") });
  const found = await page.evaluate(() => globalThis.axe.run());
  const words = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(" ")}`);
  expect(words.length === 0, words.join("; "));
});

check("it fits a phone, and a dark room", async (page) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: "dark" });
  await type(page, "docker run --rm --network none toolbox true");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  expect(!wide, "the page scrolls sideways");
});

// Waits until the terminal shows a text; until the prompt is back.
const shows = (page, text) => page.waitForFunction((text) => document.querySelector("#screen")?.textContent.includes(text), text);
const prompt = (page) => page.waitForFunction(() => document.querySelector("label[for=line]")?.textContent === "$");

async function typeForReal(page, line, text) {
  await type(page, line);
  await shows(page, text);
}

live("a command typed in the page is carried out by Linux, and its steps stand in the timeline", async (page) => {
  await page.check("#on-linux");
  await typeForReal(page, "docker run --rm --network none --hostname real toolbox sh -c 'hostname; uname -r'", "\nreal\n");
  await prompt(page);
  const release = (await readFile("/proc/sys/kernel/osrelease", "utf8")).trim();
  expect((await screen(page)).includes(`\n${release}\n`), `not this machine's kernel: ${await screen(page)}`);
  expect(await position(page) > 40, "fewer than 40 steps");
  await page.fill("#jump", "1");
  const row = page.locator(".steps button", { hasText: "Set the host name to real" });
  while (await row.count() === 0) await page.locator(".steps button").last().click();
  await row.click();
  const step = page.locator("[aria-label='Explanation of the step']");
  expect((await step.textContent()).includes("host name in its uts namespace: real"), `the step shows: ${await step.textContent()}`);
  expect(await step.locator("mark").textContent() === "--hostname real", "the flag is not marked");
  const processes = await page.textContent("section[aria-label='Process tree']");
  expect(processes.includes("1 inside"), `the tree shows: ${processes}`);
  const namespaces = await page.textContent("section[aria-label='Namespaces'] tbody tr:nth-child(2)");
  expect(namespaces.includes("B"), `the matrix shows: ${namespaces}`);
});

live("a program on Linux has a terminal with the page's size, also after the page is resized", async (page) => {
  await page.check("#on-linux");
  await typeForReal(page, "docker run -it --rm --network none toolbox sh", "/ # ");
  const size = async (mark) => {
    await typeForReal(page, `echo ${mark}=$(stty size)=`, `\n${mark}=`);
    const found = (await screen(page)).match(new RegExp(`\\n${mark}=(\\d+) (\\d+)=`));
    return found ? Number(found[2]) : 0;
  };
  const wide = await size("wide");
  expect(wide > 40, `the terminal has ${wide} columns`);
  await page.setViewportSize({ width: 500, height: 900 });
  await page.waitForFunction(() => document.querySelector("#screen")?.clientWidth < 500);
  const narrow = await size("narrow");
  expect(narrow > 20 && narrow < wide, `${wide} columns became ${narrow}`);
  await type(page, "exit 4");
  await prompt(page);
});

live("^C reaches a program on Linux, and a refusal is told", async (page) => {
  await page.check("#on-linux");
  await typeForReal(page, "docker run -it --rm --network none toolbox sh -c 'trap \"exit 7\" INT; echo waiting; sleep 1000; exit 1'",
    "\nwaiting\n");
  await page.focus("#line");
  await page.keyboard.press("Control+c");
  await prompt(page);
  await typeForReal(page, "docker run --frobnicate toolbox", "unknown flag: --frobnicate");
  await prompt(page);
});

live("without the secret there is no live engine; a link of the book keeps it", async (page, address) => {
  await page.evaluate(() => { location.hash = "run=docker%20ps"; });
  await shows(page, "$ docker ps\n");
  await page.waitForSelector("#on-linux");
  const answer = await page.request.post(`${address}live/start`, { data: { line: "docker ps" }, headers: { origin: address.slice(0, -1) } });
  expect(answer.status() === 403, `answered ${answer.status()}`);
});

/** Starts the server of `cargo xtask play`; its address, with the secret. */
async function startLive() {
  const child = spawn(process.env.GLASSBOX_XTASK, ["play", "--built", "--no-open", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  const address = await new Promise((found, failed) => {
    let told = "";
    child.stdout.on("data", (chunk) => {
      told += chunk;
      const [address] = told.match(/http:\S+#live=\w+(?=\s)/) ?? [];
      if (address) found(address);
    });
    child.on("exit", () => failed(new Error("the server of cargo xtask play does not start")));
  });
  return { child, address };
}

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
await mkdir(pictures, { recursive: true });
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const address = `http://127.0.0.1:${server.address().port}/`;
const profile = await mkdtemp(join(tmpdir(), "glassbox-chromium-"));
let passed = 0;
let failed = 0;
let skipped = 0;
const canRunLive = Boolean(process.env.GLASSBOX_XTASK) && process.getuid() === 0;
const play = canRunLive ? await startLive() : null;
for (const [number, { name, run, live }] of checks.entries()) {
  if (live && !play) {
    skipped += 1;
    console.log(`skipped ${name}: run as root by cargo xtask test`);
    continue;
  }
  const start = live ? play.address : address;
  const browser = await chromium.launchPersistentContext(join(profile, String(number)), { headless: true, executablePath, args: flags,
    viewport: { width: 1280, height: 900 } });
  const page = await browser.newPage();
  // Nothing here takes seconds, but a machine that does much else may.
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  try {
    await page.goto(start);
    await page.waitForSelector("#line");
    await run(page, start.split("#")[0]);
    expect(errors.length === 0, errors.join("; "));
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
  await page.screenshot({ path: join(pictures, `${String(number + 1).padStart(2, "0")}.png`), fullPage: true });
  await browser.close();
}
server.close();
play?.child.kill();
await rm(profile, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
