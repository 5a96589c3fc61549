/**
 * How the status page looks.
 *
 * @module
 */

/** The style sheet. Every pair of text and ground has a contrast of at least 4.5, by WCAG 2.2. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --raised: #f4f5f7; --line: #c9ccd3; --text: #1b1d22; --faint: #555b66;
  --good: #0b6b34; --good-ground: #dff3e6; --bad: #a11616; --bad-ground: #fbe3e3; --warn: #7a4b00; --warn-ground: #fdf0d5;
  --blue: #1f4fa8; --blue-ground: #e3ecfb; }
@media (prefers-color-scheme: dark) { :root { --ground: #14161a; --raised: #1d2026; --line: #3a3f49; --text: #e8eaee;
  --faint: #a6acb8; --good: #7fdba0; --good-ground: #12361f; --bad: #ff9d9d; --bad-ground: #461717; --warn: #f5c877;
  --warn-ground: #3d2c0c; --blue: #9dbdff; --blue-ground: #182a4d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
header, main { max-width: 1400px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 16px; }
h1 { font-size: 20px; margin: 0; }
h2 { font-size: 17px; margin: 28px 0 8px; }
p { margin: 4px 0; }
.faint { color: var(--faint); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 8px; margin: 12px 0; padding: 0; }
.cards div { background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; }
.cards dt { color: var(--faint); font-size: 13px; }
.cards dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 12px; }
figure { margin: 0; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; }
figcaption { color: var(--faint); font-size: 13px; }
svg { display: block; width: 100%; height: 80px; }
td svg { width: 90px; height: 20px; }
path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke: var(--blue); }
path.second { stroke: var(--warn); } path.bad { stroke: var(--bad); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
thead th { background: var(--raised); color: var(--faint); font-size: 13px; font-weight: 600; }
tbody tr:last-child > * { border-bottom: 0; }
td.n, th.n { text-align: right; }
td.wide { white-space: normal; min-width: 180px; overflow-wrap: anywhere; }
.state { display: inline-block; padding: 0 8px; border-radius: 10px; font-weight: 600; background: var(--raised); }
.up { color: var(--good); background: var(--good-ground); }
.down, .ejected, .open { color: var(--bad); background: var(--bad-ground); }
.draining, .disabled { color: var(--blue); background: var(--blue-ground); }
.unchecked, .probing { color: var(--warn); background: var(--warn-ground); }
.notice { padding: 8px 12px; border-radius: 6px; background: var(--bad-ground); color: var(--bad); overflow-wrap: anywhere; }
button, input { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--faint); border-radius: 5px; padding: 3px 10px; }
button { cursor: pointer; min-height: 28px; }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 1px; }
.tools { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 12px 0; }
`;
