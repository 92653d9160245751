/** What the page of plans looks like, besides what all report pages share. */
export const paretoStyle = `
.explorer { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; margin: 1.25rem 0 1rem; }
.explorer[hidden] { display: none; }
.explorer > * { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.75rem 0.9rem; min-width: 0; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1.1rem; margin-bottom: 0.5rem; font-size: 0.9rem; }
.controls select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 0.35rem; padding: 0.2rem 0.4rem; margin-left: 0.3rem; }
.controls label { white-space: nowrap; }
#plot svg { display: block; max-width: 100%; font: 12px system-ui, sans-serif; }
.grid line { stroke: var(--line); } .grid text { fill: var(--soft); }
.labels text { fill: var(--ink); pointer-events: none; paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
.front-line { fill: none; stroke: var(--series-1); stroke-width: 1.5; opacity: 0.55; }
.point { cursor: pointer; outline: none; }
.reach { fill: transparent; stroke: transparent; stroke-width: 2; }
.point.selected .reach { stroke: var(--ink); }
.point:focus-visible .reach { stroke: var(--accent); stroke-width: 3; }
.point:hover .reach { stroke: var(--soft); }
.shape { stroke: var(--card); stroke-width: 1; }
.front .shape { fill: var(--series-1); } .chosen .shape { fill: var(--series-2); }
.baseline .shape { fill: var(--series-3); } .beaten .shape { fill: var(--card); stroke: var(--series-1); stroke-width: 1.5; }
.legend svg { width: 1.1em; height: 1.1em; vertical-align: -0.2em; margin-right: 0.3em; }
#plan h2 { margin: 0 0 0.5rem; font-size: 1.15rem; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: 0.4rem 1rem; margin: 0 0 0.75rem; }
.figures dt { color: var(--soft); font-size: 0.85rem; } .figures dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
#plan-stages { list-style: none; margin: 0 0 0.75rem; padding: 0; }
#plan-stages li { padding: 0.35rem 0 0.35rem 0.7rem; border-left: 3px solid var(--series-1); }
#plan-stages li + li { margin-top: 0.35rem; }
#plan-stages strong, #plan-stages span, #plan-stages small { display: block; overflow-wrap: anywhere; }
#plan-stages small { color: var(--soft); }
button { font: inherit; color: inherit; cursor: pointer; }
#plan-copy { background: var(--paper); border: 1px solid var(--line); border-radius: 0.35rem; padding: 0.3rem 0.8rem; }
#plan-copy:hover, #plan-copy:focus-visible { border-color: var(--accent); }
#plan pre { overflow: auto; max-height: 22rem; margin: 0.5rem 0 0; padding: 0.6rem; background: var(--paper); border: 1px solid var(--line); border-radius: 0.35rem; font-size: 0.8rem; }
button.link { background: none; border: 0; padding: 0; color: var(--accent); text-align: left; white-space: normal; min-width: 8rem; }
tr:has(.selected) > * { background: var(--warn-paper); }
table:has(.link) td.text:last-child { min-width: 14rem; }
@media (min-width: 62rem) { .explorer { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); } }
`;
