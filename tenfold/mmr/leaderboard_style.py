"""The style of the leaderboard's page: light and dark, wide and narrow, sorted by :has() and order."""

STYLE = (
    """
:root {
  color-scheme: light dark;
  --page: #f6f6f4; --card: #ffffff; --ink: #1c1e21; --quiet: #5d646c; --line: #d9dbde; --field: #f0f1f2;
  --accent: #0a5a9c; --s0: #0072b2; --s1: #d55e00; --s2: #007a5a; --s3: #a3508a; --s4: #8a6d00; --s5: #444444;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15171a; --card: #1e2125; --ink: #e6e7e9; --quiet: #a3aab2; --line: #383d43; --field: #272b30;
    --accent: #86c2f5; --s0: #62b5ec; --s1: #ff9650; --s2: #42cfa3; --s3: #e69ad0; --s4: #e5c84a; --s5: #c8c8c8;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main { width: min(84rem, 100%); margin-inline: auto; padding-inline: 1rem; }
header { padding-block: 1.5rem .5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 1.5rem 0 .5rem; overflow-wrap: anywhere; }
header p, .remarks, figcaption { color: var(--quiet); max-width: 52rem; }
header p { margin: .25rem 0; }
.scroll { position: relative; overflow-x: auto; border: 1px solid var(--line); border-radius: .6rem;
  background: var(--card); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
table:not(.plain) { display: grid; min-width: 100%; }
table:not(.plain) > thead, table:not(.plain) > tbody, table:not(.plain) tr { display: grid; grid-column: 1 / -1;
  grid-template-columns: subgrid; }
.span2 { grid-column: span 2; } .span3 { grid-column: span 3; }
th, td { padding: .3rem .5rem; text-align: end; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
tr.groups > * { color: var(--quiet); font-size: .8rem; font-weight: 400; text-align: center; border-bottom: 0;
  padding-block: .4rem 0; }
th.name { text-align: start; position: sticky; left: 0; background: var(--card); z-index: 1; white-space: normal;
  overflow-wrap: anywhere; }
table:not(.plain) tbody th + td { font-weight: 600; }
th small { display: block; font-weight: 400; color: var(--quiet); }
thead label { position: relative; cursor: pointer; display: block; }
thead input { position: absolute; opacity: 0; width: 1px; height: 1px; }
thead label:has(input:checked) { color: var(--accent); text-decoration: underline 2px; text-underline-offset: 4px; }
thead label:has(input:focus-visible) { outline: 3px solid var(--accent); outline-offset: 2px; }
.chip { display: inline-block; font-style: normal; border-radius: 1rem; padding: 0 .5rem; font-size: .75rem;
  font-weight: 600; background: var(--field); color: var(--quiet); white-space: nowrap; }
th.name > .chip { display: table; margin: .1rem 0 0; }
tr.published th.name { font-weight: 400; font-style: italic; }
tr.chance > *, tr.constant > * { border-block: 1px dashed var(--quiet); }
.remarks { font-size: .9rem; padding-inline-start: 1.2rem; margin-block: .6rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem;
  align-items: start; }
figure { margin: .5rem 0 0; background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .6rem; min-width: 0; }
figure > svg { display: block; width: 100%; max-width: 36rem; height: auto; margin-inline: auto; }
figcaption { font-size: .85rem; margin-top: .3rem; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.radar text { font-size: 13px; }
.grid { fill: none; stroke: var(--line); }
.row { fill: none; stroke-width: 2; stroke-linejoin: round; }
.interval { stroke: var(--accent); stroke-width: 2; }
.dot { fill: var(--accent); stroke: var(--accent); stroke-width: 1.5; }
.dot.published { fill: var(--card); }
.dot.blind { fill: var(--quiet); stroke: var(--quiet); }
.chance, .constant { stroke: var(--quiet); stroke-width: 1.5; stroke-dasharray: 2 3; fill: none; }
.constant { stroke-dasharray: 7 4; }
.dot.chance, .dot.constant { stroke-dasharray: none; fill: var(--quiet); }
.legend { list-style: none; margin: .4rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem 1rem;
  font-size: .85rem; }
.legend svg { width: 30px; height: 10px; margin-inline-end: .35rem; }
@media (max-width: 42rem) {
  header, main { padding-inline: .6rem; }
  h1 { font-size: 1.25rem; }
  th.name { max-width: 9.5rem; }
  table { font-size: .85rem; }
}
@media print { body, .scroll, figure { background: #fff; color: #000; } }
"""
    + "".join(
        f".s{number} {{ stroke: var(--s{number});{dash} }}\n"
        for number, dash in enumerate(
            ("", " stroke-dasharray: 8 3;", " stroke-dasharray: 3 2;", " stroke-dasharray: 10 3 2 3;", "", "")
        )
    )
    + "".join(
        f".h{step} {{ background: color-mix(in srgb, var(--accent) {4 * step}%, transparent); }}\n"
        for step in range(11)
    )
)
