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
import {print, terminalWidth} from './terminal.js';

/** Draws over what it drew before. */
class Panel {
	#lines = 0;

	draw(lines: readonly string[]): void {
		const up = this.#lines > 0 ? `\u001b[${this.#lines}A\u001b[J` : '';
		process.stdout.write(`${up}${lines.join('\n')}\n`);
		this.#lines = lines.length;
	}
}

/** A panel higher than the terminal could not be drawn over; besides the devices it has a dozen lines at most. */
const deviceRows = (): number => Math.max(1, Math.min(12, (process.stdout.rows ?? 24) - 13));

/** Log lines of rounds come at most this often; everything else is always told. */
const roundLineMs = 2000;

export interface FollowOptions {
	/** Number of the first update. */
	readonly from?: number;
	/** Leaves the run to itself. */
	readonly signal?: AbortSignal;
	/** Aborted when somebody has asked for the end of the run, which is still to come. */
	readonly stopping?: AbortSignal;
}

const stoppingText = 'stopping the run (once more leaves at once)';

/** Follows a run to its end. @throws FplError `WIRE_TIMEOUT` when nothing is heard of it any more, `INTERRUPTED`. */
export async function followRun(
	client: Client,
	run: RunId,
	format: 'text' | 'json',
	{stopping, ...options}: FollowOptions = {},
): Promise<Ended> {
	const panel = format === 'text' && process.stdout.isTTY ? new Panel() : undefined;
	let state: ProgressState = noProgress;
	let lastLine = 0;
	const drawPanel = () => panel?.draw(progressPanel(state, {width: terminalWidth() - 1, devices: deviceRows()}));
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
