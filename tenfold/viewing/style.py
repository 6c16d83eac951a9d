"""The page's style: light and dark, wide and narrow."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f6f4; --card: #ffffff; --ink: #1c1e21; --quiet: #5d646c; --line: #d9dbde; --field: #f0f1f2;
  --good: #0b6b3a; --good-soft: #e3f3ea; --bad: #a3261b; --bad-soft: #fbe7e4;
  --notice: #7a5200; --notice-soft: #fbf0d9; --accent: #0a5a9c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15171a; --card: #1e2125; --ink: #e6e7e9; --quiet: #a3aab2; --line: #383d43; --field: #272b30;
    --good: #74d3a0; --good-soft: #16331f; --bad: #ff9d90; --bad-soft: #43201c;
    --notice: #f0c265; --notice-soft: #3a2d12; --accent: #86c2f5;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main, #bar { width: min(72rem, 100%); margin-inline: auto; padding-inline: 1rem; }
header { padding-block: 1.5rem .5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
header p { margin: .25rem 0; color: var(--quiet); max-width: 48rem; }
a.skip { position: absolute; left: -99rem; }
a.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .5rem; z-index: 3; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
summary { cursor: pointer; }
#bar { position: sticky; top: 0; z-index: 2; background: var(--page); padding-block: .5rem;
  border-bottom: 1px solid var(--line); }
#bar > summary { font-weight: 600; list-style-position: inside; }
#status { font-weight: 400; color: var(--quiet); margin-inline-start: .5rem; }
#filters { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .5rem .75rem;
  align-items: end; margin-top: .5rem; }
#filters label { display: block; font-size: .8rem; color: var(--quiet); }
#filters label.search { grid-column: span 2; }
select, input, button { font: inherit; font-size: 1rem; color: var(--ink); background: var(--card);
  border: 1px solid var(--line); border-radius: .4rem; padding: .35rem .5rem; min-height: 2.5rem; width: 100%; }
select.set { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
button { cursor: pointer; }
.buttons { display: flex; gap: .5rem; grid-column: span 2; }
main { padding-block: 1rem 4rem; }
article.sample { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; margin-bottom: .6rem;
  content-visibility: auto; contain-intrinsic-size: auto 3.5rem; }
article.sample > details > summary { padding: .6rem .9rem; display: grid; gap: .1rem .75rem;
  grid-template-columns: 1fr auto; align-items: center; list-style: none; }
article.sample > details > summary::-webkit-details-marker { display: none; }
article.sample h2 { font-size: 1rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
article.sample h2::before { content: "▸"; display: inline-block; width: 1.1em; color: var(--quiet); }
article.sample > details[open] h2::before { content: "▾"; }
.facets { grid-column: 1 / -1; color: var(--quiet); font-size: .85rem; padding-inline-start: 1.2em; }
.facets span + span::before { content: " · "; }
.body { padding: 0 .9rem .9rem; border-top: 1px solid var(--line); }
.body h3 { font-size: .8rem; font-weight: 600; color: var(--quiet); margin: 1rem 0 .35rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; margin: 0; max-width: 48rem; }
.chip { display: inline-block; border-radius: 1rem; padding: .05rem .6rem; font-size: .85rem; font-weight: 600;
  background: var(--field); color: var(--ink); white-space: nowrap; }
.chip.good { background: var(--good-soft); color: var(--good); } .chip.good::before { content: "✓ "; }
.chip.bad { background: var(--bad-soft); color: var(--bad); } .chip.bad::before { content: "✗ "; }
.chip.notice { background: var(--notice-soft); color: var(--notice); } .chip.notice::before { content: "! "; }
.verdict { margin: .75rem 0 0; max-width: 48rem; }
.verdict .chip { margin-inline-end: .5rem; }
ul.options { list-style: none; margin: 0; padding: 0; max-width: 48rem; }
ul.options li { padding: .2rem 0; overflow-wrap: anywhere; }
ul.options .chip { margin-inline-start: .4rem; } ul.options .chip::before { content: none; }
.round { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: .5rem; }
.message { background: var(--field); border-radius: .5rem; border-inline-start: 4px solid var(--line);
  padding: .5rem .7rem; min-width: 0; }
.message .who { display: flex; flex-wrap: wrap; gap: .15rem .5rem; align-items: baseline; margin-bottom: .25rem; }
.message .who b { font-size: .9rem; }
.message .tag { font-size: .85rem; color: var(--quiet); overflow-wrap: anywhere; }
.message.changed { border-inline-start-width: 8px; }
.message.changed.good { border-color: var(--good); background: var(--good-soft); }
.message.changed.bad { border-color: var(--bad); background: var(--bad-soft); }
.message.changed.notice { border-color: var(--notice); background: var(--notice-soft); }
.message.changed .chip { background: var(--card); }
.message .chip { white-space: normal; }
.images { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; margin-top: .9rem; }
figure { margin: 0; max-width: min(100%, 34rem); }
figure .stack { position: relative; display: block; line-height: 0; }
figure img { max-width: 100%; height: auto; border-radius: .25rem; background: repeating-conic-gradient(#bbb 0 25%, #eee
  0 50%) 0 0 / 1rem 1rem; }
figure.tiny, figure.tiny img { width: 12rem; image-rendering: pixelated; }
figure svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
figure svg rect.edge { fill: none; stroke: #0072b2; }
figure svg rect.halo { fill: none; stroke: #ffffff; stroke-opacity: .75; }
figure svg text { fill: #0072b2; stroke: #ffffff; paint-order: stroke; font-family: system-ui, sans-serif;
  font-weight: 600; }
figure svg .good rect.edge { stroke: #00794f; } figure svg .good text { fill: #00794f; }
figure svg .bad rect.edge { stroke: #c0321f; } figure svg .bad text { fill: #c0321f; }
figure svg .neutral rect.edge { stroke: #444444; } figure svg .neutral text { fill: #444444; }
figcaption { font-size: .85rem; color: var(--quiet); line-height: 1.4; margin-top: .3rem; overflow-wrap: anywhere; }
.compared { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: 0 1rem; }
#nothing { color: var(--quiet); }
kbd { background: var(--field); border: 1px solid var(--line); border-radius: .25rem; padding: 0 .3rem;
  font: .85em ui-monospace, monospace; }
@media (max-width: 42rem) {
  header, main, #bar { padding-inline: .6rem; }
  h1 { font-size: 1.25rem; }
  article.sample > details > summary { grid-template-columns: 1fr; padding: .6rem; }
  article.sample > details > summary > .chip { justify-self: start; margin-inline-start: 1.2em; }
  #bar[open] { max-height: 80vh; overflow-y: auto; }
  .keys { display: none; }
  .body { padding-inline: .6rem; }
}
@media print { #bar { display: none; } body, article.sample { background: #fff; color: #000; } }
"""
