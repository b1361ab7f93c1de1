// Opens written pages in Chromium at a desk's and a phone's width, in light and dark, and on paper: console errors,
// requests, sideways scrolling and what axe-core finds wrong make it fail. Pictures go to the folder OUT.
//   cd tests/pages && npm install && node check.mjs OUT ../../target/pages/experiment.html ...
// CHROMIUM names the browser (default /usr/bin/chromium).
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import puppeteer from 'puppeteer-core';

const [out, ...files] = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: node check.mjs OUT FILE.html ...');
  process.exit(2);
}
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(out, { recursive: true });
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
  protocolTimeout: 600000,
});
let wrong = 0;
const complain = (text) => {
  wrong++;
  console.log(`WRONG ${text}`);
};
for (const file of files) {
  for (const width of [1280, 390]) {
    for (const scheme of ['light', 'dark']) {
      const name = `${basename(file, '.html')}-${width}-${scheme}`;
      const page = await browser.newPage();
      page.on('console', (message) => {
        if (['error', 'warn'].includes(message.type())) complain(`${name}: console: ${message.text()}`);
      });
      page.on('pageerror', (error) => complain(`${name}: ${error.message}`));
      page.on('request', (request) => {
        if (!request.url().startsWith('file:')) complain(`${name}: asks for ${request.url()}`);
      });
      await page.setViewport({ width, height: 900, deviceScaleFactor: 1 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await page.goto(`file://${resolve(file)}`);
      await page.evaluate(() => document.querySelectorAll('details').forEach((d) => (d.open = true)));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) complain(`${name}: scrolls sideways by ${overflow} pixels`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => globalThis.axe.run(document));
      for (const v of found.violations) {
        complain(`${name}: ${v.id} (${v.impact}): ${v.help}: ${v.nodes.length} x ${v.nodes[0].html.slice(0, 160)}`);
      }
      console.log(`${name}: ${found.passes.length} rules hold`);
      await page.evaluate(() => document.querySelectorAll('details').forEach((d) => (d.open = false)));
      await page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
      if (width === 1280 && scheme === 'light') await page.pdf({ path: join(out, `${name}.pdf`), format: 'A4' });
      await page.close();
    }
  }
}
await browser.close();
console.log(wrong === 0 ? 'all well' : `${wrong} wrong`);
process.exit(wrong === 0 ? 0 : 1);
