/**
 * Runs on disk, a folder each: `run.json` (job, plan, state of the run), `model.onnx` (as it began), `checkpoints/`,
 * `events.jsonl`, `prediction.json` where its costs were predicted, `pace.json` where devices turned out to be slower, and at
 * the end `ledger.json` and `trained.onnx` (of an inference run: what it uses, and `predictions.csv`). Everything is written
 * atomically.
 */
import {appendFile, readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {makeFolder, writeAtomically} from '../../core/atomic-file.js';
import {asFplError, FplError} from '../../core/errors.js';
import {isId, type RunId, runId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import {type Prediction, readPrediction} from '../../core/ledger/prediction.js';
import {readLedger} from '../../core/ledger/schema.js';
import {inferenceOptionsSchema} from '../../core/plan/inference.js';
import {type Plan, planSchema} from '../../core/plan/plan.js';

const manifestSchema = z.strictObject({
	version: z.literal(1),
	run: z.string(),
	createdAt: z.string(),
	/** The job as submitted; parsed again when the run is resumed. */
	job: z.json(),
	/** Undefined while the run waits for devices to build a plan from. */
	plan: planSchema.optional(),
	/** Whether a planner chose it: then the run may move to another one. */
	chosen: z.boolean().optional(),
	/** Plans that it went by before it moved to this one, the latest last: checkpoints may still be of them. */
	earlierPlans: z.array(planSchema).max(16).optional(),
	state: z.enum(['running', 'done', 'failed', 'interrupted']),
	/** Counts the coordinator's lives in this run; messages of earlier ones are refused. */
	attempt: z.number().int().min(1),
	/** Inference runs: what is used instead of trained. */
	inference: z
		.strictObject({
			/** The training run, or empty. */
			of: z.string(),
			/** Whether `trained.onnx` holds weights for the joined model that the plan makes of `given.onnx`. */
			joined: z.boolean(),
			options: inferenceOptionsSchema,
		})
		.optional(),
});

export type Manifest = Readonly<Omit<z.output<typeof manifestSchema>, 'plan' | 'earlierPlans'>> & {
	readonly plan?: Plan | undefined;
	readonly earlierPlans?: readonly Plan[] | undefined;
};

export const predictionFile = 'prediction.json';

/** Whether somebody works on a run, its folder does not tell. */
const waitForEnd =
	'Wait until the run has ended. If its broker was ended, start it again with the same state folder: the run goes on.';

const text = (value: string) => [Buffer.from(value)];

/** As it is kept and sent. */
export const ledgerJson = (ledger: Ledger): string => `${JSON.stringify(ledger, null, '\t')}\n`;

export class RunStore {
	readonly root: string;

	/** @param root the folder that holds one folder per run. */
	constructor(root: string) {
		this.root = root;
	}

	directory(run: RunId): string {
		return path.join(this.root, run);
	}

	checkpoints(run: RunId): string {
		return path.join(this.directory(run), 'checkpoints');
	}

	/** All runs but those whose manifest is damaged; these are told. */
	async list(onDamaged: (error: FplError) => void = () => {}): Promise<Manifest[]> {
		let names: string[];
		try {
			names = await readdir(this.root);
		} catch {
			return [];
		}
		const found: Manifest[] = [];
		for (const name of names.filter(isId).sort()) {
			try {
				const manifest = await this.find(runId(name));
				if (manifest) {
					found.push(manifest);
				}
			} catch (error) {
				onDamaged(asFplError(error));
			}
		}
		return found;
	}

	/** Undefined when there is no such run; a damaged manifest is an error. */
	async find(run: RunId): Promise<Manifest | undefined> {
		const file = path.join(this.directory(run), 'run.json');
		let contents: string;
		try {
			contents = await readFile(file, 'utf8');
		} catch {
			return undefined;
		}
		try {
			return manifestSchema.parse(JSON.parse(contents));
		} catch (error) {
			throw new FplError('CONFIG_FILE', {where: file, problem: 'it is not a run manifest'}, {cause: error});
		}
	}

	/** @throws FplError `RUN_UNKNOWN` listing the runs there are. */
	async get(run: RunId): Promise<Manifest> {
		const manifest = await this.find(run);
		if (!manifest) {
			const names = (await this.list()).map(found => found.run).slice(-8);
			throw new FplError('RUN_UNKNOWN', {
				where: this.root,
				expected: names.length > 0 ? `one of ${names.join(', ')}` : 'a run, but there is none yet',
				got: `«${run}»`,
			});
		}
		return manifest;
	}

	async put(manifest: Manifest): Promise<void> {
		const directory = this.directory(runId(manifest.run));
		await makeFolder(directory);
		await writeAtomically(path.join(directory, 'run.json'), text(`${JSON.stringify(manifest, null, '\t')}\n`));
	}

	async putFile(run: RunId, name: string, contents: Uint8Array): Promise<void> {
		await makeFolder(this.directory(run));
		await writeAtomically(path.join(this.directory(run), name), [contents]);
	}

	/** @throws FplError `RUN_UNKNOWN` when there is no such run, `RUN_UNFINISHED` when it has no such file (yet). */
	async file(run: RunId, name: string): Promise<Buffer> {
		try {
			return await readFile(path.join(this.directory(run), name));
		} catch (error) {
			const {state} = await this.get(run);
			const running = state === 'running';
			throw new FplError(
				'RUN_UNFINISHED',
				{
					where: this.directory(run),
					problem: `it has no «${name}»${running ? ', and has not ended' : ''}`,
					...(running && {fix: waitForEnd}),
				},
				{cause: error},
			);
		}
	}

	async putLedger(run: RunId, ledger: Ledger): Promise<void> {
		await this.putFile(run, 'ledger.json', Buffer.from(ledgerJson(ledger)));
	}

	async ledger(run: RunId): Promise<Ledger> {
		return readLedger((await this.file(run, 'ledger.json')).toString(), `ledger of «${run}»`);
	}

	async putPrediction(run: RunId, prediction: Prediction): Promise<void> {
		await this.putFile(run, predictionFile, Buffer.from(`${JSON.stringify(prediction)}\n`));
	}

	/** What was predicted of the run; undefined where nothing was. @throws FplError `CONFIG_VALUE` when it is damaged. */
	async prediction(run: RunId): Promise<Prediction | undefined> {
		const file = path.join(this.directory(run), predictionFile);
		let json: string;
		try {
			json = await readFile(file, 'utf8');
		} catch {
			return undefined;
		}
		return readPrediction(json, file);
	}

	async appendEvent(run: RunId, line: string): Promise<void> {
		await appendFile(path.join(this.directory(run), 'events.jsonl'), `${line}\n`);
	}
}
