// SPDX-License-Identifier: GPL-2.0-or-later
// check.mjs BROWSER PAGE: checks of the pages that fixture.c made; TAP. Each check has a page of
// its own, the network is off, and whatever the console complains of fails the check.
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , browserPath, pagePath] = process.argv;
const site = join(dirname(pagePath), "../..");
// Its own fetching of style sheets ("preload") is what a page without a network forbids.
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const runs = readdirSync(join(site, "runs"));
const pages = {
	run: pagePath,
	index: join(site, "index.html"),
	hostile: join(site, "runs", runs.find((x) => x.includes("script")), "index.html"),
	damaged: join(site, "runs", runs.find((x) => x.endsWith("smoke")), "index.html"),
};

const browser = await chromium.launch({
	executablePath: browserPath,
	args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--disable-default-apps", "--no-first-run"],
});
let count = 0;
let bad = 0;

function must(ok, what) {
	if (!ok)
		throw new Error(what);
}

function equal(got, wanted, what) {
	must(JSON.stringify(got) === JSON.stringify(wanted),
		`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
}

async function check(name, path, options, body) {
	const { url = "", expected = () => false, ...context } = options;
	const troubles = [];
	const c = await browser.newContext({ offline: true, viewport: { width: 1280, height: 900 }, ...context });
	try {
		const p = await c.newPage();
		p.setDefaultTimeout(30000);
		p.on("console", (m) => {
			if (["error", "warning"].includes(m.type()))
				troubles.push(`console: ${m.text()}`);
		});
		p.on("pageerror", (e) => troubles.push(`page: ${e.message}`));
		p.on("dialog", (d) => {
			troubles.push(`dialog: ${d.message()}`);
			d.dismiss();
		});
		p.on("request", (r) => {
			if (!/^(file|data|blob):/.test(r.url()))
				troubles.push(`request: ${r.url()}`);
		});
		await p.goto(pathToFileURL(path) + url);
		await body(p);
	} catch (e) {
		troubles.push(e.message);
	}
	await c.close();
	const left = troubles.filter((t) => !expected(t));
	count++;
	console.log(`${left.length ? "not ok" : "ok"} ${count} - ${name}`);
	left.forEach((t) => console.log(`# ${t.replaceAll("\n", "\n# ")}`));
	bad += left.length > 0;
}

// What a reader sees of a table: its rows' cells as text.
function rows(p, selector) {
	return p.$$eval(selector, (trs) => trs.map((tr) => Array.from(tr.cells).map((c) => c.innerText.trim())));
}

async function linksLead(p) {
	const urls = await p.evaluate(() => Array.from(
		document.querySelectorAll("a[href], img[src], script[src], link[href]"),
		(e) => e.href || e.src));
	must(urls.length > 3, "no links at all");
	for (const url of urls) {
		if (url === "data:,")
			continue;
		must(url.startsWith("file:"), `${url} leads out`);
		must(existsSync(fileURLToPath(url.replace(/#.*/, ""))), `${url} leads nowhere`);
	}
}

function terminal(p) {
	return p.$eval(".player .screen", (e) => e.textContent);
}

async function terminalShows(p, text) {
	await p.waitForFunction((t) => {
		const e = document.querySelector(".player .screen .ap-term");
		return e && e.textContent.includes(t);
	}, text);
}

async function playerTime(p) {
	const text = await p.$eval(".player .ap-time-elapsed", (e) => e.textContent);
	const [m, s] = text.split(":").map(Number);
	return m * 60 + s;
}

await check("the table has each script with status, recording, logs and duration", pages.run, {}, async (p) => {
	equal(await p.$$eval(".results > thead th", (t) => t.map((x) => x.innerText)),
		["Script", "Status", "Screencast", "Logs", "Duration"], "columns");
	const table = await rows(p, ".results > tbody > tr:first-child");
	equal(table.map((r) => r[0].split("\n")[0]),
		["boot", "001_kernel", "002_btrfsprogs", "003_fsops", "004_raid5_scrub"], "scripts");
	equal(table.map((r) => r[1].replace(/^\S+ /, "").split("\n")[0]),
		["PASS", "PASS", "PASS", "FAIL", "SKIP"], "statuses");
	must(table[3][3].includes("fsops.trace"), "no collected log");
	must(/^7\.\d+s$/.test(table[3][4]), `duration ${table[3][4]}`);
	must(table[4][1].includes("003_fsops did not pass"), "SKIP without its reason");
});

await check("what failed lies open with its reason, the kernel's words and its output", pages.run, {}, async (p) => {
	equal(await p.$$eval(".results details:has(.subs)", (d) => d.map((x) => x.open)),
		[false, false, true], "open");
	const text = await p.$eval("#stage-003_fsops", (e) => e.innerText);
	for (const part of ["kernel warning during the test", "fs/btrfs/qgroup.c:2742", "writing 100%",
		"dd: command not found", "10 tests: 8 passed, 1 failed, 1 broken"])
		must(text.includes(part), `no "${part}"`);
	must(!text.includes("40%"), "what was overwritten is shown");
});

await check("the head says how it was run, and the command can be copied", pages.run,
	{ permissions: ["clipboard-read", "clipboard-write"] }, async (p) => {
	const text = await p.$eval(".facts", (e) => e.innerText);
	for (const part of ["6.1.0-49-cloud-amd64", "TCG (emulated, slow): /dev/kvm opens", "build-7", "2.0 GiB"])
		must(text.includes(part), `no "${part}"`);
	await p.click("button[data-copy]");
	await p.waitForFunction(() => document.querySelector("button[data-copy]").textContent !== "Copy");
	equal(await p.$eval("button[data-copy]", (e) => e.textContent), "Copied", "button");
	must((await p.evaluate(() => navigator.clipboard.readText())).startsWith("fsqa run btrfs/demo"), "clipboard");
});

await check("the history of a stage links the runs before, and names this one", pages.run, {}, async (p) => {
	const squares = await p.$$eval("#stage-003_fsops .strip li > *", (s) => s.map((x) => [x.tagName, x.innerText]));
	must(squares.length >= 9, `${squares.length} squares`);
	must(squares[3][0] === "A" && squares[3][1].includes("FAIL in "), `fourth is ${squares[3]}`);
	must(squares.at(-1)[0] === "SPAN" && squares.at(-1)[1].includes("FAIL in this run"), "this run");
	await Promise.all([p.waitForURL(/index\.html$/), p.click("#stage-003_fsops .strip a >> nth=0")]);
	must((await p.title()).startsWith("PASS btrfs/demo"), `leads to ${await p.title()}`);
});

await check("a thumbnail opens the player, which plays the local recording", pages.run, {}, async (p) => {
	await p.click("#stage-003_fsops a.cast");
	await terminalShows(p, "1000 files in 0.21 s");
	equal(await p.$$eval(".player .marks .what", (w) => w.map((x) => x.innerText)),
		["create", "xattr", "acl", "quota", "snapshot", "reflink", "compression.zstd", "checksum",
			"device.add", "device.replace"], "markers");
	must((await p.$eval(".player .marks li:nth-child(4)", (e) => e.textContent)).includes("FAIL"), "verdict of quota");
});

await check("a marker moves the player's time, and is named the current one", pages.run, {}, async (p) => {
	await p.click("#stage-003_fsops a.cast");
	await terminalShows(p, "== create");
	const before = await playerTime(p);
	await p.click(".player .marks button:has-text('device.add')");
	await terminalShows(p, "PASS compression.zstd");
	await p.waitForFunction(() => document.querySelector(".player [aria-current] .what")?.textContent.startsWith("device."));
	await p.waitForFunction(() => /0[5-7]$/.test(document.querySelector(".player .ap-time-elapsed").textContent));
	must(before <= 3, `it had been at ${before} s already`);
	await p.click(".player .marks button:has-text('xattr')");
	await p.waitForFunction(() => /0[0-3]$/.test(document.querySelector(".player .ap-time-elapsed").textContent));
	must(!(await terminal(p)).includes("PASS compression"), "it did not go back");
});

await check("a test's link opens its stage's recording at the test", pages.run, {}, async (p) => {
	await p.click("#stage-003_fsops .subs tr:has(th:has-text('compression.zstd')) a.jump");
	await terminalShows(p, "PASS reflink");
	must((await p.$eval(".player h2", (e) => e.textContent)) === "003_fsops", "title");
	must(new URL(p.url()).hash.startsWith("#play=003_fsops@3."), p.url());
});

await check("an address with #play= opens the recording there", pages.run, { url: "#play=003_fsops@5.31" }, async (p) => {
	await terminalShows(p, "ERROR checksum");
});

await check("the player closes by key, and the focus goes back", pages.run, {}, async (p) => {
	await p.focus("#stage-001_kernel a.cast");
	await p.keyboard.press("Enter");
	await terminalShows(p, "6.1.0-49-cloud-amd64");
	await p.keyboard.press("Escape");
	await p.waitForFunction(() => !document.querySelector("dialog.player").open);
	equal(await p.evaluate(() => document.activeElement.dataset.cast), "001_kernel", "focus");
	equal(new URL(p.url()).hash, "", "address");
	await p.click("#stage-boot a.cast");
	await terminalShows(p, "Linux version 6.1.0");
});

await check("waits can be skipped while it plays", pages.run, {}, async (p) => {
	await p.click("#stage-003_fsops a.cast");
	await terminalShows(p, "== create");
	await p.click(".player label:has-text('skip waits')");
	await terminalShows(p, "PASS xattr");
});

await check("who wants less motion starts the player himself", pages.run, { reducedMotion: "reduce" }, async (p) => {
	await p.click("#stage-003_fsops .subs tr:has(th:has-text('snapshot')) a.jump");
	await terminalShows(p, "FAIL quota");
	await p.waitForTimeout(1500);
	must(!(await terminal(p)).includes("PASS snapshot"), "it plays");
});

await check("a recording that is gone is told in the player", pages.damaged,
	{ expected: (t) => /ERR_FILE_NOT_FOUND/.test(t) }, async (p) => {
	rmSync(join(dirname(pages.damaged), "casts/boot.cast.js"));
	await p.click("a.cast");
	await p.waitForFunction(() => document.querySelector(".player [role=alert]")?.textContent.includes("cannot be played here"));
});

await check("without JavaScript everything can be read, and recordings are links", pages.run, { javaScriptEnabled: false }, async (p) => {
	const table = await rows(p, ".results > tbody > tr:first-child");
	equal(table.length, 5, "rows");
	must((await p.$eval("a.cast", (e) => e.getAttribute("href"))).endsWith(".cast"), "recording");
	must(!await p.isVisible("button[data-copy]"), "a button that does nothing");
	await p.click("#stage-001_kernel summary");
	must(await p.isVisible("#stage-001_kernel .subs"), "subtests do not unfold");
	await linksLead(p);
});

for (const [name, path] of Object.entries(pages)) {
	await check(`each link of the ${name} page leads to a file beside it`, path, {}, linksLead);
	for (const scheme of ["light", "dark"]) {
		await check(`the ${name} page is accessible (axe), ${scheme}`, path, { colorScheme: scheme }, async (p) => {
			await p.$$eval("details", (d) => d.forEach((x) => { x.open = true; }));
			await p.evaluate(axe);
			const found = await p.evaluate(() => axe.run({ preload: false }));
			equal(found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes[0].html}`), [], "violations");
		});
	}
	await check(`the ${name} page fits a phone of 360 pixels`, path, { viewport: { width: 360, height: 740 } }, async (p) => {
		await p.$$eval("details", (d) => d.forEach((x) => { x.open = true; }));
		must(await p.evaluate(() => document.documentElement.scrollWidth) <= 360, "it is wider");
	});
}

await check("the open player is accessible (axe)", pages.run, {}, async (p) => {
	await p.click("#stage-003_fsops a.cast");
	await terminalShows(p, "== create");
	await p.evaluate(axe);
	// What the player draws inside itself is not ours.
	const found = await p.evaluate(() => axe.run(
		{ include: [".player"], exclude: [".screen"] }, { preload: false }));
	equal(found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes[0].html}`), [], "violations");
});

await check("names and texts with markup are shown, not obeyed", pages.hostile, {}, async (p) => {
	equal(await p.$$eval("script", (s) => s.map((x) => x.getAttribute("src"))), ["../../assets/report.js"], "scripts");
	must((await p.innerText("h1")).includes("<script>alert(\"x\")</script>&'"), "profile");
	await p.click("a.cast");
	await terminalShows(p, "alert");
});

await check("a damaged record keeps its page, which says so", pages.damaged, {}, async (p) => {
	must((await p.innerText(".alert.bad")).includes("damaged"), "no word of it");
	equal((await rows(p, ".results > tbody > tr:first-child"))[0][1], "\u2713 PASS", "boot");
});

await check("the front page has all runs, newest first, and a history of each profile", pages.index, {}, async (p) => {
	const table = await rows(p, ".runs > tbody > tr");
	equal(table.length, 12, "runs");
	must(table[0][1].includes("FAIL") && table[0][2] === "btrfs/demo", `first is ${table[0]}`);
	must(table[2][1].includes("interrupted"), `third is ${table[2]}`);
	equal(await p.$$eval(".history tbody th", (t) => t.map((x) => x.innerText).slice(0, 2)), ["btrfs/demo", "xfs/smoke"], "profiles");
	await Promise.all([p.waitForURL(/runs/), p.click(".runs tbody a >> nth=0")]);
	must((await p.title()).startsWith("FAIL btrfs/demo"), await p.title());
});

await browser.close();
console.log(`1..${count}`);
process.exit(bad ? 1 : 0);
