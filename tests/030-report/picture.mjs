// SPDX-License-Identifier: GPL-2.0-or-later
// picture.mjs BROWSER PAGE OUT.png [WIDTH HEIGHT]: the top of a page as it is shown in README.
//   MODULES=build/tests/030-report/modules; cp tests/030-report/picture.mjs $MODULES/
//   node $MODULES/picture.mjs "$(command -v chromium)" STATE/site/runs/ID/index.html docs/report.png
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , browserPath, page, out, width = "1200", height = "1000"] = process.argv;
const browser = await chromium.launch({ executablePath: browserPath,
	args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
const context = await browser.newContext({ offline: true, colorScheme: "light",
	viewport: { width: Number(width), height: Number(height) } });
const p = await context.newPage();
await p.goto(pathToFileURL(page).href);
await p.waitForLoadState("networkidle");
await p.screenshot({ path: out });
await browser.close();
