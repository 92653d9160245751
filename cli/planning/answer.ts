/** What `fpl plan` answers where the planner chooses: it is looked for, printed and written down, also when somebody ends it early. */
import path from 'node:path';
import {writeAtomically} from '../../core/atomic-file.js';
import type {Evaluation} from '../../core/cost/evaluate.js';
import {FplError} from '../../core/errors.js';
import {alternativeOf} from '../../core/ledger/plan-point.js';
import type {Logger} from '../../core/log.js';
import type {Plan} from '../../core/plan/plan.js';
import {pointsOf} from '../../planners/plan-job.js';
import type {ParetoMeta} from '../../reports/pareto.js';
import {stopSignal} from '../options.js';
import {print, printJson} from '../terminal.js';
import type {Participant} from './plan-input.js';
import {planYaml, printPlan, type UnitsText} from './plan-text.js';
import {printBreakdown, printChanges, printPlanned, printWhatIf, searchLine, type Wish} from './planned-text.js';
import type {Asked, Searched, SearchOrder} from './search.js';
import {searchAside} from './thread.js';
import {oneByOne, type TimesFrom, withChanges} from './what-if.js';

export interface AnswerOptions {
	readonly explain?: boolean;
	readonly pareto?: string;
	readonly whatIf?: readonly string[];
	readonly format: 'table' | 'yaml' | 'json';
}

/** What a plan is looked for. */
export interface Subject {
	readonly asked: Asked;
	readonly participants: readonly Participant[];
	/** Whose passes were measured, and where that is said. */
	readonly timesFrom: TimesFrom;
	readonly limitSeconds: number;
	readonly thorough: boolean;
	readonly wish: Wish;
	readonly units: (plan: Plan) => UnitsText;
	/** What was chosen passes the same checks as a plan that somebody wrote. @throws FplError */
	readonly check: (plan: Plan) => void;
	/** What else is to be said of the plan, a sentence each. */
	readonly notes: (best: Evaluation) => readonly string[];
	/** Stands above the plan as a YAML document. */
	readonly heading?: string;
	/** Of the page with plans of which none is better in everything. */
	readonly page: Pick<ParetoMeta, 'model' | 'dataset' | 'across' | 'upwards'>;
	/** What a reader must know to judge the numbers. */
	readonly remarks: readonly string[];
}

const interruptedText = ({outcome, cutShort}: Searched, {measure}: Wish): string =>
	cutShort === 'interruption'
		? `this plan is the best so far, not the final answer: ${searchLine(outcome, measure)}`
		: 'the plan is complete, not all that was asked besides';

/**
 * Looks for a plan and prints it. At the first SIGINT or SIGTERM that is the best plan so far.
 * @throws FplError `PLAN_INFEASIBLE`; `INTERRUPTED` after what there was is printed and written; `FILE_WRITE`.
 */
export async function answer(subject: Subject, options: AnswerOptions, logger: Logger): Promise<void> {
	const {participants, limitSeconds, thorough, asked, wish} = subject;
	const {whatIf, pareto, format} = options;
	const order: SearchOrder = {
		asked,
		limitSeconds,
		thorough,
		explain: options.explain === true,
		whatIf: whatIf && {
			devices: withChanges(participants, whatIf, subject.timesFrom),
			changes: oneByOne(participants, whatIf, subject.timesFrom),
		},
		front: pareto !== undefined,
	};
	const signal = stopSignal();
	signal.addEventListener('abort', () => {
		if (process.stderr.isTTY) {
			process.stderr.write('fpl: the search is ended, the best plan so far follows; once more ends at once\n');
		}
	});
	logger.info('looking for a plan', {devices: participants.length, limitSeconds});
	const searched = await searchAside(order, signal);
	const {interrupted, leftOut} = searched;
	subject.check(searched.outcome.best.plan);
	if (leftOut !== undefined && format !== 'table') {
		logger.warn(leftOut);
	}
	if (searched.cutShort === 'limit' && format !== 'table') {
		logger.info('the search ended with its time', {limitSeconds});
	}
	printAnswer(searched, subject, options);
	// Last: what was found is told even where the page cannot be written.
	if (pareto !== undefined && searched.front !== undefined) {
		await writeFront(pareto, searched, subject);
		if (format === 'table') {
			print(`\nPlans of which none is better in everything: ${pareto}`);
		}
	}
	if (interrupted) {
		throw new FplError('INTERRUPTED', {where: 'planning', problem: interruptedText(searched, wish)});
	}
}

async function writeFront(file: string, searched: Searched, {page, wish, participants, remarks}: Subject) {
	const {paretoHtml} = await import('../../reports/pareto.js');
	const html = paretoHtml(pointsOf(searched.front!, searched, planYaml), {
		...page,
		objective: wish.text,
		devices: participants.length,
		remarks: [
			...remarks,
			...(searched.interrupted ? ['Planning was interrupted: there may be plans better than these.'] : []),
		],
	});
	await writeAtomically(path.resolve(file), [Buffer.from(html)]);
}

const rowsOf = ({outcome, baselines}: Searched) => [
	...[outcome.best, ...outcome.alternatives].map(({plan, evaluation, value}) => ({
		...alternativeOf(evaluation, {chosen: plan === outcome.best.plan, feasible: true}),
		value,
	})),
	...baselines.map(({scheme, evaluation, value, shortfalls, exact, permitted, partly}) => ({
		...alternativeOf(evaluation, {scheme, chosen: false, feasible: shortfalls.length === 0}),
		value,
		classic: true,
		sameResult: exact,
		permitted,
		...(partly && {partly}),
	})),
];

const summary = ({plan, passes, memory, ...rest}: Evaluation) => rest;

function printAnswer(searched: Searched, {wish, units, notes, heading}: Subject, options: AnswerOptions): void {
	const {outcome, cutShort, breakdown, changes, whatIf, interrupted} = searched;
	const {plan, evaluation} = outcome.best;
	switch (options.format) {
		case 'yaml':
			print(
				planYaml(
					plan,
					[heading, interrupted ? `Interrupted: ${interruptedText(searched, wish)}.` : undefined].filter(
						text => text !== undefined,
					),
				),
			);
			return;
		case 'json':
			printJson(
				options.explain || options.whatIf
					? {
							plan,
							objective: wish.text,
							search: {...outcome.figures, ...(cutShort && {cutShort})},
							predicted: {...summary(evaluation), ...breakdown},
							alternatives: rowsOf(searched),
							...(changes && {changes}),
							...(whatIf && {
								whatIf: {
									changes: whatIf.changes,
									samePlan: whatIf.same && summary(whatIf.same),
									samePlanLacks: whatIf.lacks,
									withoutEffect: whatIf.withoutEffect,
									bestPlan: whatIf.after && {plan: whatIf.after.plan, ...summary(whatIf.after)},
									impossible: whatIf.impossible,
								},
							}),
						}
					: plan,
			);
			return;
		case 'table':
			printPlan(plan, units(plan), evaluation.memory);
			printPlanned(searched, wish, notes(evaluation));
			if (options.explain) {
				printBreakdown(breakdown);
			}
			if (changes) {
				printChanges(changes);
			}
			if (whatIf) {
				printWhatIf(whatIf);
			}
			return;
		default:
			options.format satisfies never;
	}
}
