/** The jobs of the comparison in the docs are jobs, and can be cut where they say. */
import {readdirSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {defaultSchemes} from '../../../cli/compare/contenders.js';
import {readJob} from '../../../cli/planning/plan-input.js';
import {datasetNames, isAvailable} from '../../../models/datasets/open.js';
import {checkPlanFor} from '../../../models/plans/check.js';
import {planFor} from '../../../models/plans/plan-for.js';
import {root} from '../../support/imports.js';

const folder = path.join(root, 'bench/compare');
const fleet = ['cam-1', 'cam-2', 'cam-3', 'cam-4', 'fog-1'].map((device, index) => ({device, isSource: index < 4}));
/** Where the data of tests may lie. */
process.env['FPL_DATA_DIR'] ??= path.join(root, '../shared/data');

for (const file of readdirSync(folder).filter(name => name.endsWith('.yaml'))) {
	test(`${file} can be done by four sources and a device without data`, async t => {
		const {job, model} = await readJob(path.join(folder, file));
		t.is(defaultSchemes(job).length, 8);
		const dataset = datasetNames.find(name => name === job.data.dataset)!;
		if (!(await isAvailable(dataset, {environment: process.env}))) {
			// Without its data the model has another shape.
			t.log(`no plan: the dataset «${dataset}» is not on this machine`);
			return;
		}
		const plan = planFor(job, fleet, model);
		t.notThrows(() => checkPlanFor(plan, {model, training: job.training, rawData: 'stays'}));
		t.deepEqual(
			plan.stages.map(({replicas}) => replicas.length),
			[4, 1],
		);
	});
}
