/** Shows a run while it goes on: a panel that is redrawn on a terminal, lines elsewhere, JSON lines on request. */
import {FplError} from '../core/errors.js';
import type {RunId} from '../core/ids.js';
import {
	advance,
	noProgress,
	type ProgressState,
	progressJson,
	progressLine,
	progressPanel,
} from '../reports/progress.js';
import type {Client} from './client.js';
import type {Ended} from './outcome.js';
import {terminalWidth} from './terminal.js';

/** Draws over what it drew before. */
class Panel {
	readonly #output: NodeJS.WriteStream;
	#lines = 0;

	constructor(output: NodeJS.WriteStream) {
		this.#output = output;
	}

	draw(lines: readonly string[]): void {
		const up = this.#lines > 0 ? `\u001b[${this.#lines}A\u001b[J` : '';
		this.#output.write(`${up}${lines.join('\n')}\n`);
		this.#lines = lines.length;
	}
}

/** A panel higher than the terminal could not be drawn over; besides the devices it has 13 lines at most. */
const deviceRows = ({rows = 24}: NodeJS.WriteStream): number => Math.max(1, Math.min(12, rows - 14));

/** Log lines of rounds come at most this often; everything else is always told. */
const roundLineMs = 2000;

export interface FollowOptions {
	/** Number of the first update. */
	readonly from?: number;
	/** Leaves the run to itself. */
	readonly signal?: AbortSignal;
	/** Aborted when somebody has asked for the end of the run, which is still to come. */
	readonly stopping?: AbortSignal;
	/** Where it is shown; standard output by default. */
	readonly output?: NodeJS.WriteStream;
}

const stoppingText = 'stopping the run (once more leaves at once)';

/** Follows a run to its end. @throws FplError `WIRE_TIMEOUT` when nothing is heard of it any more, `INTERRUPTED`. */
export async function followRun(
	client: Client,
	run: RunId,
	format: 'text' | 'json',
	{stopping, output = process.stdout, ...options}: FollowOptions = {},
): Promise<Ended> {
	const panel = format === 'text' && output.isTTY ? new Panel(output) : undefined;
	const print = (line: string) => output.write(`${line}\n`);
	let state: ProgressState = noProgress;
	let lastLine = 0;
	const drawPanel = () =>
		panel?.draw(progressPanel(state, {width: terminalWidth(output) - 1, devices: deviceRows(output)}));
	const onStopping = () => {
		state = {...state, headline: stoppingText};
		if (panel) {
			drawPanel();
		} else {
			process.stderr.write(`fpl: ${stoppingText}\n`);
		}
	};
	stopping?.addEventListener('abort', onStopping, {once: true});
	if (format === 'text') {
		print(`run ${run}`);
	}
	try {
		for await (const update of client.follow(run, options)) {
			state = advance(state, update);
			if (format === 'json') {
				print(progressJson(update, Date.now()));
			} else if (panel) {
				drawPanel();
			} else {
				const line = progressLine(state, update);
				const due = update.kind !== 'round' || Date.now() - lastLine >= roundLineMs;
				if (line !== undefined && due) {
					lastLine = update.kind === 'round' ? Date.now() : lastLine;
					print(line);
				}
			}
			if (update.kind === 'ended') {
				return update;
			}
		}
	} finally {
		stopping?.removeEventListener('abort', onStopping);
	}
	throw new FplError('RUN_FAILED', {where: run, problem: 'its updates ended before it did'});
}
