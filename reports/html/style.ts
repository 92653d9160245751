/**
 * Colours and layout of report pages. The colours of phases are those of Okabe and Ito (2008), which people with any kind of
 * colour blindness tell apart; the dark variants are lighter versions of the same hues.
 */
export const style = `
:root {
	color-scheme: light dark;
	--paper: #fdfdfc; --card: #ffffff; --ink: #1d1f21; --soft: #5c6166; --line: #dcdfe2; --accent: #0062a3;
	--warn-paper: #fff6e0; --warn-line: #e3b341; --bad: #b3261e; --good: #18794e;
	--compute: #0072b2; --send: #e69f00; --receive: #009e73; --wait: #cf8bb0; --idle: #c6cace;
	--series-1: #0072b2; --series-2: #d55e00; --series-3: #009e73; --series-4: #cc79a7; --series-5: #e69f00; --series-6: #56b4e9;
}
@media (prefers-color-scheme: dark) {
	:root {
		--paper: #15181b; --card: #1c2024; --ink: #e8eaec; --soft: #a3abb3; --line: #353b41; --accent: #6cb8f0;
		--warn-paper: #2e2715; --warn-line: #8a6d1f; --bad: #ff8a80; --good: #5fd39b;
		--compute: #3d9fdc; --send: #f0b23d; --receive: #2cc295; --wait: #e0a0c4; --idle: #6c737a;
		--series-1: #4aa8e0; --series-2: #f08b45; --series-3: #2cc295; --series-4: #e0a0c4; --series-5: #f0b23d; --series-6: #8fd0f5;
	}
}
* { box-sizing: border-box; }
body {
	margin: 0 auto; padding: 1.25rem clamp(0.75rem, 3vw, 2rem) 3rem; max-width: 76rem;
	background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
}
h1 { font-size: clamp(1.4rem, 4vw, 2rem); line-height: 1.2; margin: 0 0 0.25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.75rem; }
p { margin: 0.25rem 0; }
.soft { color: var(--soft); }
.done { color: var(--good); } .failed, .interrupted, .running { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 0.75rem; margin: 1.25rem 0; padding: 0; }
.cards div, figure, .scroll { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; }
.cards div { padding: 0.6rem 0.9rem; margin: 0; }
.cards dt { color: var(--soft); font-size: 0.85rem; }
.cards dd { margin: 0; overflow-wrap: anywhere; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.cards small { display: block; font-size: 0.8rem; font-weight: 400; color: var(--soft); }
.marks { list-style: none; margin: 1rem 0; padding: 0.6rem 0.9rem; background: var(--warn-paper); border: 1px solid var(--warn-line); border-radius: 0.5rem; font-size: 0.92rem; overflow-wrap: anywhere; }
header + .scroll { margin-top: 1.25rem; } p + .scroll { margin-top: 0.75rem; }
.marks li + li { margin-top: 0.25rem; }
.pictures { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; margin: 0 0 1rem; }
figure { margin: 0; padding: 0.75rem 0.9rem; min-width: 0; }
figure h3 { margin: 0; font-size: 1rem; }
figcaption { color: var(--soft); font-size: 0.85rem; }
figure svg { display: block; width: 100%; height: auto; max-width: 40rem; font-family: inherit; }
figure.across svg { max-width: none; }
.narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: 0.15rem 0.9rem; margin: 0.3rem 0; padding: 0; list-style: none; font-size: 0.85rem; }
.legend i { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.35em; border-radius: 2px; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0.6rem 0.75rem 0.3rem; font-weight: 600; }
caption span { position: sticky; left: 0.75rem; display: inline-block; max-width: calc(100vw - 4rem); }
th, td { padding: 0.35rem 0.75rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; }
th:first-child, td.text, th.text { text-align: left; }
tbody th { font-weight: 500; }
thead th:first-child, tbody th { position: sticky; left: 0; background: var(--card); }
tbody td.text { min-width: 9rem; max-width: 22rem; white-space: normal; overflow-wrap: anywhere; }
tr.total > * { font-weight: 600; border-top: 2px solid var(--line); }
.badge { display: inline-block; padding: 0 0.45em; border: 1px solid var(--warn-line); border-radius: 1em; background: var(--warn-paper); font-size: 0.78rem; font-weight: 400; white-space: nowrap; }
details summary { cursor: pointer; margin: 0.5rem 0; color: var(--accent); }
.notes { padding: 0; list-style: none; }
.notes li { padding: 0.2rem 0; overflow-wrap: anywhere; }
.notes time { display: inline-block; min-width: 5.5em; color: var(--soft); font-variant-numeric: tabular-nums; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: 0.85rem; }
@media (min-width: 62rem) {
	.pictures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
	figure.across { grid-column: 1 / -1; }
}
@media (max-width: 36rem) {
	.wide { display: none; } .narrow { display: block; }
	th, td { padding: 0.3rem 0.5rem; }
}
@media print { body { max-width: none; } figure, .scroll { break-inside: avoid; } }
`;
