/** What docs/plans.md shows is what builders make and what is accepted. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {parse} from 'yaml';
import {readConfig} from '../../../core/config/config.js';
import {parseConfigText} from '../../../core/config/document.js';
import {jobSchema} from '../../../core/plan/job.js';
import {planSchema} from '../../../core/plan/plan.js';
import {schemeKinds} from '../../../core/plan/scheme-options.js';
import {readFleet} from '../../../core/profile/fleet-file.js';
import {checkPlanFor} from '../../../models/plans/check.js';
import {planFor} from '../../../models/plans/plan-for.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {codeBlocks} from '../../support/command-lines.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/plans.md'), 'utf8');
const blocks = codeBlocks(page, 'yaml');
const documentOf = ({line, text}: (typeof blocks)[number]) => parseConfigText(text, `docs/plans.md:${line}`);

const fleet = readFleet(documentOf(blocks.find(({text}) => /^devices:/mu.test(text))!)).devices.map(
	({device, profile, samples}) => ({
		device,
		profile,
		isSource: samples !== undefined,
		memoryBytes: profile.memoryBytes,
	}),
);
/** Each source sees one sensor of the aligned example. */
const models = {
	lenet5: buildModel('lenet5', {seed: 1}),
	'sensor-cnn': buildModel('sensor-cnn', {input: [1, 256], seed: 1}),
};
const modelOf = (name: string) => models[name as keyof typeof models];

test('every plan in the page fits its model, its fleet and raw data that stay', t => {
	const plans = blocks.filter(({text}) => /^stages:/mu.test(text));
	t.is(plans.length, schemeKinds.length + 1);
	const {training, privacy} = jobSchema.parse({version: 1, model: 'lenet5', data: {dataset: 'mnist'}});
	for (const block of plans) {
		const plan = readConfig(planSchema, {document: documentOf(block), code: 'PLAN_INVALID'});
		t.notThrows(() => checkPlanFor(plan, {model: modelOf(plan.model), fleet, training, rawData: privacy.rawData}));
	}
});

test('the plan of every scheme is the one that its builder makes', t => {
	const sections = page.split(/^### /mu).slice(1);
	const seen = sections.flatMap(section => {
		const written = /`scheme: (\{[^`]*\})`/u.exec(section)?.[1];
		if (written === undefined) {
			return [];
		}
		const shown = planSchema.parse(parse(codeBlocks(section, 'yaml')[0]!.text));
		const job = jobSchema.parse({
			version: 1,
			model: shown.model,
			data: {dataset: 'any'},
			scheme: parse(written) as unknown,
		});
		t.deepEqual(planFor(job, fleet, modelOf(shown.model)), shown, written);
		return [job.scheme.kind];
	});
	t.deepEqual(seen.toSorted(), schemeKinds.toSorted());
});
