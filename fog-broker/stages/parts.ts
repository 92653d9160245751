/** What a run with stages works with. */
import type {Model} from '../../models/graph.js';
import type {KeeperOptions} from './keeper.js';
import type {OutboxOptions} from './outbox.js';

export interface StageParts
	extends Omit<OutboxOptions, 'onTrouble' | 'onForgotten'>,
		Pick<KeeperOptions, 'clock' | 'weights' | 'book' | 'accounts' | 'emit' | 'evaluate' | 'checkpoint'> {
	readonly base: Model;
	/** Seconds that earlier attempts took. */
	readonly earlierSeconds: number;
	/** A device takes part, or does something else from now on. */
	readonly enrol: (device: string, role: string) => void;
	/** Writes down that this attempt has begun. */
	readonly onAttempt: (attempt: number) => Promise<void>;
}
