/** Following runs in tests: whoever waits in vain is told where the run stands, and does not wait for minutes. */
import type {Client} from '../../../cli/client.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import type {RunStore} from '../../../fog-broker/run/store.js';

/** The longest that a run of these tests is silent for is some seconds, many times that on a machine that is busy. */
const silenceMs = 60_000;

export interface WatchOptions {
	readonly patienceMs?: number;
	/** A run said something; at most once a second. */
	readonly onNews?: () => void;
}

/** The same client, whose `follow` gives up a run that says nothing for a minute. */
export function watched(
	client: Client,
	store: Pick<RunStore, 'find'>,
	{patienceMs = silenceMs, onNews = () => {}}: WatchOptions = {},
): Client {
	let told = Number.NEGATIVE_INFINITY;
	const news = () => {
		if (performance.now() - told > 1000) {
			told = performance.now();
			onNews();
		}
	};
	return {
		...client,
		async *follow(run, {from = 0, signal} = {}) {
			const silent = new AbortController();
			let said = 0;
			let last: RunUpdate | undefined;
			let timer: NodeJS.Timeout | undefined;
			const wait = () => {
				timer = setTimeout(() => silent.abort(), patienceMs);
			};
			wait();
			try {
				const both = signal ? AbortSignal.any([signal, silent.signal]) : silent.signal;
				for await (const update of client.follow(run, {from, signal: both})) {
					clearTimeout(timer);
					said += 1;
					last = update;
					news();
					yield update;
					wait();
				}
			} catch (error) {
				if (!silent.signal.aborted) {
					throw error;
				}
				const {state, attempt, plan} = (await store.find(run)) ?? {};
				throw new Error(
					`run ${run} has been silent for ${patienceMs / 1000} s after ${said} updates, the last of them ` +
						`${JSON.stringify(last)}; it is ${state}, attempt ${attempt}, plan ${JSON.stringify(plan)}`,
					{cause: error},
				);
			} finally {
				clearTimeout(timer);
			}
		},
	};
}
