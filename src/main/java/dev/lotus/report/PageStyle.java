package dev.lotus.report;

/**
 * The page's style sheet. Colours are variables with a light and a dark value; series use the
 * palette of Okabe and Ito (2008), which people with any common colour blindness can tell apart,
 * darkened on white and lightened on dark where it would have less than 3:1 contrast.
 */
final class PageStyle {
  private PageStyle() {}

  static final String CSS =
"""
:root { color-scheme: light dark;
  --page: #ffffff; --card: #f6f7f9; --rule: #d5d9e0; --text: #16191f; --faint: #565d6b;
  --s0: #0072b2; --s1: #d55e00; --s2: #00835f; --s3: #b3578c; --s4: #a06c00; --s5: #2b86bd;
  --gold: #16191f; --base: #767d8a;
  --forget: #d55e00; --test: #0072b2; --retain: #00835f; }
@media screen and (prefers-color-scheme: dark) { :root {
  --page: #14161b; --card: #1d2027; --rule: #3a3f4a; --text: #eceef2; --faint: #a8afbd;
  --s0: #56b4e9; --s1: #f0894a; --s2: #2ebd94; --s3: #dd9cc0; --s4: #e6b800; --s5: #9ad0f0;
  --gold: #eceef2; --base: #8d94a2;
  --forget: #f0894a; --test: #56b4e9; --retain: #2ebd94; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.2rem; margin: 0; color: var(--faint); font-weight: 600; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .35rem; }
h1, h2, h3, p, td, th, dd, dt, li { overflow-wrap: anywhere; }
p { margin: .4rem 0 .8rem; max-width: 76ch; }
.verdict { font-size: 1.5rem; line-height: 1.35; font-weight: 600; margin: .4rem 0 0;
        max-width: 60ch; }
.note, figcaption p, caption { color: var(--faint); font-size: .9rem; text-align: left; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .6rem; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--rule); }
th:first-child { text-align: left; }
thead th { font-size: .85rem; color: var(--faint); vertical-align: bottom; }
tbody th { font-weight: 600; min-width: 7rem; }
.results td { white-space: nowrap; } .named tbody th { min-width: 9.5rem; }
.results thead th { overflow-wrap: normal; }
.detail { color: var(--faint); font-size: .85rem; display: block; white-space: nowrap; }
.gold { background: var(--card); }
.tag { display: block; font-weight: 400; font-size: .8rem; color: var(--faint); }
.grid-figures { display: grid; gap: 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
.by-two { grid-template-columns: minmax(0, 1fr); }
@media (min-width: 740px) { .by-two { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
figure { margin: 0; padding: 14px; background: var(--card); border-radius: 8px; min-width: 0; }
svg.chart { display: block; width: 100%; max-width: 500px; height: auto; margin: 0 auto; }
svg text { fill: var(--text);
  font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--faint); stroke-width: 1; }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.dashed { stroke-dasharray: 7 4; }
.reference { stroke-width: 1.8; stroke-dasharray: 2 4; }
.reference.c-base { stroke-dasharray: 8 3; }
.mark { stroke-width: 1.6; }
.hollow { fill: var(--card) !important; }
.step { fill: none; stroke-width: 2; stroke-linejoin: round; }
.set-forget { stroke: var(--forget); stroke-width: 3; fill: var(--forget); fill-opacity: .16; }
.set-test { stroke: var(--test); }
.set-retain { stroke: var(--retain); stroke-dasharray: 5 3; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); }
.s3 { stroke: var(--s3); } .s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); }
.c-gold { stroke: var(--gold); } .c-base { stroke: var(--base); }
.mark.s0 { fill: var(--s0); } .mark.s1 { fill: var(--s1); } .mark.s2 { fill: var(--s2); }
.mark.s3 { fill: var(--s3); } .mark.s4 { fill: var(--s4); } .mark.s5 { fill: var(--s5); }
.mark.c-gold { fill: var(--gold); } .mark.c-base { fill: var(--base); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px;
  margin: 0 0 6px; padding: 0; font-size: .9rem; }
.legend li { display: flex; align-items: center; gap: 7px; min-width: 0; }
.legend svg { flex: none; width: 34px; height: 14px; }
.bars td:last-child { width: 55%; text-align: left; }
.bars th { font-weight: 400; }
.bars td:first-of-type, .bars thead th { white-space: nowrap; }
.bar { display: block; height: 1.05em; margin-top: .2em; min-width: 2px; border-radius: 2px;
  background: var(--s0); -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.cards { display: grid; gap: 16px;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.card { background: var(--card); border-radius: 8px; padding: 14px; min-width: 0; }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--faint); padding: .3rem 0; }
.wide { overflow-x: auto; } .wide th, .wide td { padding: .25rem .6rem; font-size: .85rem; }
.wide th, .wide td { overflow-wrap: normal; white-space: nowrap; min-width: 0; }
dl { margin: 0; display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 3px 12px;
  font-size: .9rem; }
dt { color: var(--faint); } dd { margin: 0; }
@media screen and (max-width: 900px) {
  .verdict { font-size: 1.2rem; }
  .results, .results tbody, .results tr, .results th, .results td { display: block; width: auto; }
  .results thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px;
          overflow: hidden; }
  .results tr { border-radius: 8px; background: var(--card); padding: 10px 12px; margin: 0 0 12px; }
  .results tbody th { border: 0; padding: 0 0 4px; font-size: 1.05rem; text-align: left; }
  .results td { display: flex; flex-wrap: wrap; gap: 0 10px; padding: 3px 0; border: 0;
    align-items: baseline; }
  .results td::before { content: attr(data-label); color: var(--faint); margin-right: auto; }
  .results .detail { display: inline; }
  .results .missing { display: none; }
  .bars td:last-child { width: 38%; }
  .bars th, .bars td { padding: .35rem .3rem; }
}
@media print {
  html { font-size: 12px; }
  body { font-size: 1rem; } main { max-width: none; padding: 0; }
  figure, .card, tr { break-inside: avoid; } h2 { break-after: avoid; }
  .grid-figures { grid-template-columns: 1fr 1fr; }
  figure, .card { border: 1px solid var(--rule); }
}
@media (prefers-reduced-motion: reduce) { * { transition: none; } }
""";
}
