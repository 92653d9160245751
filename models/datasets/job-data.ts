/** The data that a job names, opened on this machine. */
import type {Job} from '../../core/plan/job.js';
import type {Split} from './dataset.js';
import type {Places} from './locate.js';
import {datasetSpec, openDataset} from './open.js';
import {take} from './subset.js';

/**
 * @param path where this machine keeps the data, instead of where the job says.
 * @throws FplError `DATA_UNKNOWN`, `DATA_FILE`, `DATA_FORMAT`, `CONFIG_VALUE`.
 */
export async function openJobData(
	{dataset, path, limit}: Pick<Job['data'], 'dataset' | 'path' | 'limit'>,
	places: Places,
): Promise<Split> {
	const {train, test} = await openDataset(datasetSpec(dataset, path), places);
	return {train: limit === undefined ? train : take(train, limit), test};
}
